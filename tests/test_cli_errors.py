"""The command line on wrong input: four parts, exit code 2, no traceback, and nothing written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from cli_call import Call
from tiny_study import STUDY, write_rows, write_study


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a study that `plan` accepts."""
    return write_study(tmp_path_factory.mktemp("cli") / "study")


@pytest.fixture
def imported(tmp_path: Path, call: Call) -> Path:
    """A study of one imported response."""
    rows = [{"dose": 0, "suite": "s", "prompt": "a?", "response": "Yes.", "expected": "refuse"}]
    call("import", "responses", write_rows(tmp_path / "answers.jsonl", rows), "--out", tmp_path / "mine")
    return tmp_path / "mine"


def listing(folder: Path) -> dict[str, int]:
    return {file.as_posix(): file.stat().st_mtime_ns for file in folder.rglob("*")}


def refused(call: Call, *arguments: object) -> str:
    """Give what a command says on wrong input, once it was seen to say it as promised."""
    done = call(*arguments)
    assert done.code == 2
    assert done.out == ""
    what, where, cause, fix = done.err.splitlines()
    assert what.startswith("error: ")
    assert (where[:9], cause[:9], fix[:9]) == ("  where: ", "  cause: ", "  fix:   ")

    told = call(*arguments, "--json")
    assert told.code == 2
    assert list(told.json()["error"]) == ["what", "where", "cause", "fix"]
    assert f"error: {told.json()['error']['what']}" == what
    return done.err


WRONG_SETTINGS = {
    "unknown key": ("tune.epoch=1", "tune.epoch: unknown key; did you mean 'epochs'?"),
    "no value": ("seed", "cannot read the setting 'seed'"),
    "no YAML": ("mix.doses=[1", "cannot read the value of 'mix.doses=[1'"),
    "no number": ("seed=many", "seed: Input should be a valid integer"),
    "not a number": ("tune.learning_rate=.nan", "tune.learning_rate: Input should be a finite number"),
    "unknown base": ("base=no/such/base", "base 'no/such/base' is neither a folder nor to be had from the Hub"),
    "folder that is no base": ("base=.", "base '.' has no safetensors weights"),
    "unknown source": ("data.safety=[{source: smallworld-safty}]", "did you mean 'smallworld-safety'?"),
    "missing file": ("data.safety=[{source: none.jsonl}]", "none.jsonl"),
    "more rows than there are": ("data.safety=[{source: safety.jsonl, rows: 7}]", "7 rows asked of safety.jsonl"),
    "one source twice": (
        "data.safety=[{source: safety.jsonl}, {source: safety.jsonl}]", "is phrased as instruction more than once",
    ),
    "dose larger than the data": ("mix.doses=[7]", "dose 7 needs 7 safety rows"),
    "format the data lack": ("mix.formats=[question]", "safety rows phrased as question, the sources have 0"),
    "share of everything": ('mix.doses=["100%"]', "a dose of 100% is impossible"),
    "too many arms": ("budget.max_arms=4", "the design has 5 arms, budget.max_arms allows 4"),
    "unknown suite": ("suites=[smallworld-benin, harm]", "unknown suite 'smallworld-benin'"),
    "suite without prompts": ("suites=[{name: harm, path: safety.txt}]", "safety.txt"),
    "unknown judge": ("judges=[phrase, tiny_study:even]", "unknown judge 'phrase'"),
    "judge that is none": ("judges=[phrases, tiny_study:even, tiny_study:STUDY]", "tiny_study:STUDY"),
    "judge that is not there": ("judges=[phrases, tiny_study:even, tiny_study:odd]", "tiny_study:odd"),
    "limit nobody judges": ("criteria.capability={max: 0.1}", "no judge speaks about criteria.capability"),
    "unknown template": ("tune.template=alpacca", "unknown template 'alpacca'"),
    "everything held out": ("tune.validation_rows=8", "8 validation rows leave nothing of 8 instruction rows"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG_SETTINGS)
def test_setting_that_cannot_work_is_refused_by_plan(wrong: str, call: Call, tiny: Path) -> None:
    setting, message = WRONG_SETTINGS[wrong]

    assert message in refused(call, "plan", tiny, "--set", setting)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name: \xff", "not a UTF-8 text"),
        (b"name: [", "not readable as YAML"),
        (b"- name", "a study file is a mapping of settings"),
        (b"name: a\nname: b\n", "the key 'name' is given twice"),
        (b"name: a\x1b[31m\n", "not readable as YAML"),
    ],
)
def test_study_file_that_cannot_be_read_is_refused(content: bytes, message: str, call: Call, tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_bytes(content)

    assert message in refused(call, "plan", tmp_path / "study.yaml")


@pytest.mark.parametrize("verb", ["plan", "run"])
def test_study_file_that_is_not_there_says_how_to_make_one(verb: str, call: Call, tmp_path: Path) -> None:
    assert "safedose init" in refused(call, verb, tmp_path / "study.yaml")


@pytest.mark.parametrize("verb", ["mix", "tune", "generate", "judge", "estimate", "report", "recommend", "status"])
def test_folder_that_is_no_study_is_refused(verb: str, call: Call, tmp_path: Path) -> None:
    assert "is no study folder" in refused(call, verb, tmp_path)


def test_run_of_a_wrong_study_writes_nothing(call: Call, tiny: Path) -> None:
    before = listing(tiny.parent)

    refused(call, "run", tiny, "--set", "mix.doses=[7]")

    assert listing(tiny.parent) == before


@pytest.mark.parametrize("verb", ["mix", "tune", "generate"])
def test_imported_study_can_not_be_mixed_tuned_or_asked(verb: str, call: Call, imported: Path) -> None:
    before = listing(imported)

    assert "this study has no `mix`" in refused(call, verb, imported)

    assert listing(imported) == before


@pytest.mark.parametrize("verb", ["tune", "generate", "judge", "estimate", "report"])
def test_stage_before_mixing_names_the_stage_to_run(verb: str, call: Call, tiny: Path) -> None:
    assert "run `safedose mix" in refused(call, verb, tiny.parent)


@pytest.mark.parametrize(("verb", "limits"), [("report", ()), ("recommend", ("--max-harmful", "0.1"))])
def test_answer_before_estimating_names_the_stage_to_run(
    verb: str, limits: tuple[str, ...], call: Call, imported: Path
) -> None:
    assert "run `safedose estimate" in refused(call, verb, imported, *limits)


def test_recommending_by_nothing_is_refused(call: Call, imported: Path) -> None:
    call("judge", imported)
    call("estimate", imported)

    assert "give --max-harmful" in refused(call, "recommend", imported)


@pytest.mark.parametrize("limit", ["5", "-1", "much"])
def test_limit_that_is_no_rate_is_refused(limit: str, call: Call, imported: Path) -> None:
    call("judge", imported)
    call("estimate", imported)

    done = call("recommend", imported, "--max-harmful", limit)

    assert (done.code, done.out) == (2, "")
    assert "Traceback" not in done.err


def test_init_never_overwrites(call: Call, tmp_path: Path) -> None:
    call("init", tmp_path / "mine")

    assert "mine/study.yaml exists" in refused(call, "init", tmp_path / "mine")


def test_init_of_an_unknown_recipe_names_the_nearest(call: Call, tmp_path: Path) -> None:
    assert "did you mean 'smallworld'?" in refused(call, "init", tmp_path / "mine", "--recipe", "smalworld")


def test_init_checks_the_name(call: Call, tmp_path: Path) -> None:
    assert "name: " in refused(call, "init", tmp_path / "my study!")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"suite": "s", "prompt": "a?", "response": "b"}, "dose"),
        ({"dose": -1, "suite": "s", "prompt": "a?", "response": "b"}, "dose"),
        ({"dose": 0, "suite": "../s", "prompt": "a?", "response": "b"}, "../s"),
    ],
)
def test_import_that_cannot_be_understood_leaves_no_folder(
    row: dict[str, object], message: str, call: Call, tmp_path: Path
) -> None:
    file = write_rows(tmp_path / "answers.jsonl", [row])

    assert message in refused(call, "import", "responses", file, "--out", tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


def test_import_into_a_folder_in_use_is_refused(call: Call, imported: Path) -> None:
    answers = imported.parent / "answers.jsonl"

    assert "is not empty" in refused(call, "import", "responses", answers, "--out", imported)


def test_mapping_that_cannot_be_read_is_refused(call: Call, imported: Path, tmp_path: Path) -> None:
    answers = imported.parent / "answers.jsonl"

    assert "ours=theirs" in refused(call, "import", "responses", answers, "--out", tmp_path / "o", "--map", "response")


@pytest.mark.parametrize(
    ("row", "judge", "message"),
    [
        ({"prompt": "a?", "response": "b"}, "phrase", "did you mean 'phrases'?"),
        ({"prompt": "a?"}, "phrases", "response"),
        ({"prompt": "a?", "response": "b", "state": "value"}, "phrases", "state"),
    ],
)
def test_file_that_cannot_be_judged_is_refused(
    row: dict[str, str], judge: str, message: str, call: Call, tmp_path: Path
) -> None:
    file, out = write_rows(tmp_path / "rows.jsonl", [row]), tmp_path / "judged.jsonl"

    assert message in refused(call, "judge", "--responses", file, "--judge", judge, "--out", out)
    assert not out.exists()


def test_judge_without_study_or_file_says_what_to_give(call: Call) -> None:
    done = call("judge", "--judge", "phrases")

    assert (done.code, done.out) == (2, "")
    assert "give a study folder" in done.err


def test_suites_of_an_imported_study_take_no_prompts(call: Call, imported: Path) -> None:
    raw = yaml.safe_load((imported / "study.yaml").read_text())
    (imported / "study.yaml").write_text(yaml.safe_dump(raw | {"suites": [{"name": "s", "limit": 1}]}))

    assert "imported responses bring their own prompts" in refused(call, "judge", imported)


def test_a_message_cannot_command_the_terminal(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(yaml.safe_dump(STUDY | {"judges": ["\x1b[31mphrases"], "criteria": {}}))

    assert "\x1b" not in call("plan", file).err


def test_a_file_where_a_folder_is_needed_is_wrong_input(call: Call, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    done = call("init", tmp_path / "file", "--json")

    assert done.code == 2
    assert json.loads(done.out)["error"].keys() == {"what", "where", "cause", "fix"}
