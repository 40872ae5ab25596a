"""Commands at the wrong time, in the wrong place, or with words they do not know."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from cli_call import Call
from refusing import Refused, snapshot
from tiny_study import write_rows

VERBS = ("mix", "tune", "generate", "judge", "estimate", "report", "recommend", "status")
BEFORE = {
    "tune": "safedose mix",
    "generate": "safedose mix",
    "judge": "safedose mix",
    "estimate": "safedose mix",
    "report": "safedose mix",
    "recommend": "safedose estimate",
}
"""Verbs that need what another leaves, and what a study that has nothing yet is told to run."""

SETS = {
    "a key alone": ("seed", "cannot read the setting 'seed'"),
    "nothing": ("", "cannot read the setting ''"),
    "an equals sign": ("=", "cannot read the setting '='"),
    "no key": ("=1", "cannot read the setting '=1'"),
    "a dot in front": (".seed=1", "cannot read the setting '.seed=1'"),
    "a dot behind": ("seed.=1", "cannot read the setting 'seed.=1'"),
    "two dots": ("tune..epochs=1", "cannot read the setting 'tune..epochs=1'"),
    "a thousand levels": ("a." * 1000 + "b=1", "cannot read the setting"),
    "a colon for the equals sign": ("seed: 1", "cannot read the setting 'seed: 1'"),
    "an entry of a list": ("suites.0.limit=1", "--set suites=VALUE"),
    "an entry in brackets": ("suites[0].limit=1", "suites[0]: unknown key"),
    "a way through a text": ("name.first=x", "--set name=VALUE"),
    "a way through a number": ("seed.x=1", "--set seed=VALUE"),
    "an open bracket": ("mix.doses=[1", "not readable as YAML"),
    "an open quote": ("name='x", "not readable as YAML"),
    "two colons": ("name=a: b: c", "not readable as YAML"),
    "a tag": ("name=!!python/object:os.system x", "there is a tag"),
    "an anchor": ("name=&a x", "there is an anchor"),
    "an alias": ("name=*a", "there is an alias"),
    "two documents": ("name=a\n---\nb", "a second document begins"),
    "a bell": ("name=a\ab", "U+0007"),
    "a group for a value": ("seed=a: 1", "seed: must be a whole number"),
    "a key twice": ("tune={epochs: 1, epochs: 2}", "the key 'epochs' is given twice"),
    "a hundred brackets": ("mix.doses=" + "[" * 100, "nest deeper than 20 levels"),
}

USAGE = {
    "an unknown verb": ("train",),
    "an unknown option": ("plan", "study.yaml", "--fast"),
    "a misspelt option": ("plan", "study.yaml", "--sett", "seed=1"),
    "no study": ("plan",),
    "no study to run": ("run",),
    "two studies": ("run", "a.yaml", "b.yaml"),
    "no value for a setting": ("plan", "study.yaml", "--set"),
    "no name for a new study": ("init",),
    "no file to import": ("import", "responses"),
    "no folder to import to": ("import", "responses", "answers.jsonl"),
    "an unknown thing to import": ("import", "answers"),
    "a rate in words": ("recommend", "study", "--max-harmful", "few"),
    "a rate with a comma": ("recommend", "study", "--max-exaggerated", "0,1"),
    "a rate in percent": ("recommend", "study", "--max-harmful", "5%"),
    "a probability in words": ("recommend", "study", "--probability", "sure"),
    "a file without its judge": ("judge", "--responses", "answers.jsonl", "--out", "out.jsonl"),
    "a file without its output": ("judge", "--responses", "answers.jsonl", "--judge", "phrases"),
    "a judge without a file": ("judge", "--judge", "phrases"),
    "a study and a file": ("judge", "study", "--responses", "answers.jsonl", "--judge", "phrases", "--out", "o.jsonl"),
    "nothing to judge": ("judge",),
    "a value for a switch": ("demo", "--quick=yes"),
    "one folder to fork": ("fork", "study"),
}
"""Commands the parser of the command line refuses in its own words."""

NAMES = {
    "a blank": "my study",
    "a sign": "study!",
    "a dot in front": ".study",
    "a hyphen in front": "./-study",
    "a dot behind": "study.",
    "an accent": "\u00e9tude",
    "a picture": "\U0001f600",
    "a line break": "my\nstudy",
    "a colon and a blank": "a: b",
    "a device": "nul",
    "a device with an ending": "COM1.study",
    "65 letters": "x" * 65,
    "300 letters": "x" * 300,
    "the root": "/",
}


@pytest.fixture
def imported(tmp_path: Path, call: Call) -> Path:
    """The folder of a study of imported responses."""
    rows = [
        {"dose": dose, "suite": "harm", "prompt": f"{k}?", "response": "Yes.", "expected": "refuse"}
        for dose in (0, 9)
        for k in range(3)
    ]
    call("import", "responses", write_rows(tmp_path / "answers.jsonl", rows), "--out", tmp_path / "mine")
    return tmp_path / "mine"


@pytest.mark.parametrize("wrong", SETS)
def test_setting_of_a_command_is_refused(wrong: str, study: Path, refused: Refused) -> None:
    setting, message = SETS[wrong]

    refused("run", study, "--set", setting, saying=message)


@pytest.mark.parametrize("wrong", USAGE)
def test_command_nobody_knows_exits_2_and_writes_nothing(wrong: str, study: Path, call: Call) -> None:
    before = snapshot(study.parent)

    done = call(*(study.with_name(word) if word == "study.yaml" else word for word in USAGE[wrong]))

    assert (done.code, done.out) == (2, "")
    assert done.err
    assert "Traceback" not in done.err
    assert snapshot(study.parent) == before


@pytest.mark.parametrize("verb", BEFORE)
def test_verb_before_its_time_says_what_to_run_first(verb: str, study: Path, refused: Refused) -> None:
    refused(verb, study.parent, saying=BEFORE[verb])


@pytest.mark.parametrize("verb", VERBS)
def test_folder_without_a_study_is_refused(verb: str, tmp_path: Path, refused: Refused) -> None:
    refused(verb, tmp_path, saying="is no study folder")


@pytest.mark.parametrize("verb", VERBS)
def test_folder_that_is_not_there_is_refused(verb: str, tmp_path: Path, refused: Refused) -> None:
    refused(verb, tmp_path / "none", saying="is no study folder")


@pytest.mark.parametrize("verb", ["plan", "run"])
@pytest.mark.parametrize("path", ["none.yaml", ".", "none/study.yaml", "x" * 300, "study/safety.jsonl/study.yaml"])
def test_study_file_that_is_not_there_is_refused(verb: str, path: str, study: Path, refused: Refused) -> None:
    refused(verb, path, saying="safedose init")


@pytest.mark.parametrize("verb", ["mix", "tune", "generate"])
def test_imported_study_is_not_made_here(verb: str, imported: Path, refused: Refused) -> None:
    refused(verb, imported, saying="this study has no `mix`")


def test_imported_study_is_not_run(imported: Path, refused: Refused) -> None:
    refused("run", imported / "study.yaml", saying="`mix`")


@pytest.mark.parametrize("verb", ["estimate", "report", "recommend"])
def test_imported_study_is_judged_first(verb: str, imported: Path, refused: Refused) -> None:
    limit = ("--max-harmful", "0.1") if verb == "recommend" else ()

    refused(verb, imported, *limit, saying="run `safedose ")


@pytest.mark.parametrize(("verb", "first"), [("generate", "tune"), ("judge", "generate"), ("estimate", "generate")])
def test_mixed_study_is_tuned_and_asked_first(verb: str, first: str, study: Path, call: Call, refused: Refused) -> None:
    assert call("mix", study).code == 0

    refused(verb, study.parent, saying=f"run `safedose {first} ")


@pytest.mark.parametrize(
    ("option", "value", "saying"),
    [
        *(("--max-harmful", value, f"{value}: a share lies from 0 to 1") for value in ("5", "-0.1", "nan", "inf")),
        ("--max-exaggerated", "1.1", "1.1: a share lies from 0 to 1"),
        ("--probability", "90", "90: a share lies from 0 to 1"),
        ("--probability", "0.4", "criteria.probability"),
        ("--probability", "1", "criteria.probability"),
    ],
)
def test_limit_out_of_range_is_refused(
    option: str, value: str, saying: str, imported: Path, call: Call, refused: Refused
) -> None:
    for verb in ("judge", "estimate"):
        assert call(verb, imported).code == 0

    refused("recommend", imported, option, value, saying=saying)


def test_recommending_by_nothing_is_refused(imported: Path, call: Call, refused: Refused) -> None:
    for verb in ("judge", "estimate"):
        assert call(verb, imported).code == 0

    refused("recommend", imported, saying="give --max-harmful")


@pytest.mark.parametrize("setting", [{"limit": 1}, {"path": "a.jsonl"}, {"expected": "refuse"}])
def test_suite_of_imported_responses_takes_no_settings(
    setting: dict[str, object], imported: Path, refused: Refused
) -> None:
    file = imported / "study.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | {"suites": [{"name": "harm", **setting}]}))

    refused("judge", imported, saying="imported responses bring their own prompts")


@pytest.mark.parametrize(
    "lock", ["", "{", "[]", "{}", '{"overrides": 5}', '{"overrides": [5]}', '{"overrides": "seed=1"}']
)
def test_damaged_record_of_settings_is_refused(lock: str, study: Path, refused: Refused) -> None:
    study.with_name("lock.json").write_text(lock)

    refused("status", study.parent, saying="lock.json")


@pytest.mark.parametrize("wrong", NAMES)
def test_name_of_a_new_study_is_refused(wrong: str, refused: Refused) -> None:
    refused("init", NAMES[wrong])


@pytest.mark.parametrize("recipe", ["smalworld", "", "../smallworld", "smallworld.yaml", "SMALLWORLD"])
def test_unknown_recipe_is_refused(recipe: str, refused: Refused) -> None:
    refused("init", "mine", "--recipe", recipe, saying="unknown recipe")


def test_new_study_is_not_written_over_another(study: Path, refused: Refused) -> None:
    refused("init", study.parent, saying="study.yaml exists")


@pytest.mark.parametrize(
    "verb", [("init",), ("demo", "--quick", "--out"), ("import", "responses", "rows.jsonl", "--out")]
)
@pytest.mark.parametrize("place", ["file", "file/study", "loop", "x" * 300, "/dev/null", "/proc/mine"])
def test_place_where_no_study_can_be_is_refused(
    verb: tuple[str, ...], place: str, tmp_path: Path, refused: Refused
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    write_rows(tmp_path / "rows.jsonl", [{"dose": 0, "suite": "s", "prompt": "a", "response": "b"}])

    refused(*verb, place)


@pytest.mark.parametrize("verb", [("demo", "--quick", "--out"), ("import", "responses", "rows.jsonl", "--out")])
def test_folder_in_use_is_refused(verb: tuple[str, ...], study: Path, tmp_path: Path, refused: Refused) -> None:
    write_rows(tmp_path / "rows.jsonl", [{"dose": 0, "suite": "s", "prompt": "a", "response": "b"}])

    refused(*verb, study.parent)


@pytest.mark.parametrize(
    ("old", "new"),
    [("none", "new"), ("study", "study"), ("study", "study/study.yaml"), (".", "new"), ("study", "loop")],
)
def test_fork_that_leads_nowhere_is_refused(old: str, new: str, study: Path, tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "loop").symlink_to("loop")

    refused("fork", old, new)


def test_fork_of_a_wrong_study_is_refused(study: Path, refused: Refused) -> None:
    study.write_text("name: [")

    refused("fork", study.parent, "new", saying="not readable as YAML")


@pytest.mark.parametrize("out", ["study", "study/study.yaml/out.jsonl", "x" * 300])
def test_place_where_no_file_can_be_is_refused(out: str, study: Path, tmp_path: Path, refused: Refused) -> None:
    file = write_rows(tmp_path / "rows.jsonl", [{"prompt": "a", "response": "b"}])

    refused("judge", "--responses", file, "--judge", "phrases", "--out", out)


@pytest.mark.parametrize("file", ["none.jsonl", "study", "loop", "x" * 300, os.devnull])
def test_file_that_is_none_is_neither_imported_nor_judged(
    file: str, study: Path, tmp_path: Path, refused: Refused
) -> None:
    (tmp_path / "loop").symlink_to("loop")

    refused("import", "responses", file, "--out", "mine")
    refused("judge", "--responses", file, "--judge", "phrases", "--out", "out.jsonl")
