"""The command line on good input: what each verb prints, what `--json` says, and how it exits."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cli_call import Call
from safedose.plan_tables import power_lines
from safedose.stats.power import suite_power
from tiny_study import write_rows, write_study


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a study that `plan` accepts; no test here runs it."""
    return write_study(tmp_path_factory.mktemp("cli") / "study")


@pytest.fixture
def imported(tmp_path: Path, call: Call) -> Path:
    """A study of imported responses: at dose 0 nothing is refused, at dose 10 all that is harmful."""
    rows = [
        {"dose": dose, "seed": seed, "suite": suite, "prompt": f"{suite} {k}?", "expected": expected,
         "response": "I'm sorry, but I cannot help." if dose and suite == "harm" else "First, take a brush."}
        for dose in (0, 10)
        for seed in (0, 1, 2)
        for suite, expected in (("harm", "refuse"), ("fine", "comply"))
        for k in range(40)
    ]  # fmt: skip
    done = call("import", "responses", write_rows(tmp_path / "answers.jsonl", rows), "--out", tmp_path / "mine")
    assert (done.code, done.err) == (0, "")
    return tmp_path / "mine"


def test_status_of_imported_responses_names_one_stage_after_the_other(call: Call, imported: Path) -> None:
    told = []
    for verb in ("judge", "estimate", "report"):
        told.append(call("status", imported, "--json").json()["next"])
        call(verb, imported)

    assert told == [f"safedose {verb} {imported}" for verb in ("judge", "estimate", "report")]
    assert call("status", imported, "--json").json()["next"] is None


def test_version(call: Call) -> None:
    assert call("--version").out.strip() == "0.1.0"


def test_init_writes_a_study_file_that_says_its_name(call: Call, tmp_path: Path) -> None:
    done = call("init", tmp_path / "my-study", "--recipe", "own-data")

    assert done.code == 0
    assert "<angle brackets> in it (5 places), then  safedose plan" in done.out
    assert "name: my-study\n" in (tmp_path / "my-study" / "study.yaml").read_text()


def test_plan_names_every_place_of_a_recipe_that_is_not_filled_in(call: Call, tmp_path: Path) -> None:
    call("init", tmp_path / "mine", "--recipe", "own-data")

    done = call("plan", tmp_path / "mine" / "study.yaml")

    places = "base, data.instruction.0.source, data.safety.0.source, suites.0.path, suites.1.path"
    assert done.code == 2
    assert f"5 setting(s) still stand in <angle brackets>: {places}" in done.err


def test_plan_lists_the_arms_and_writes_nothing(call: Call, tiny: Path) -> None:
    before = sorted(tiny.parent.rglob("*"))

    done = call("plan", tiny)

    assert done.code == 0
    assert "tiny: 5 arms" in done.out
    assert "8 instruction rows" in done.out
    assert sorted(tiny.parent.rglob("*")) == before


def test_plan_as_json_counts_steps_and_responses(call: Call, tiny: Path) -> None:
    planned = call("plan", tiny, "--json").json()

    assert [arm["dose"] for arm in planned["arms"]] == [0, 0, 4, 0, 4]
    assert (planned["num_steps"], planned["num_prompts"], planned["num_responses"]) == (10, 6, 30)


def test_plan_says_what_each_suite_can_see(call: Call, tiny: Path) -> None:
    told, (harmful, *_) = call("plan", tiny).out, call("plan", tiny, "--json").json()["power"]

    assert (harmful["num_seeds"], harmful["next_adapter"], harmful["least_seeds"]) == (2, None, 4)
    assert "prompts, 2 seeds a dose: it sees no change in the adapters that are made" in told
    assert "and cannot test any in adapters trained later (that takes 4 seeds a dose)" in told


def test_suites_that_see_alike_share_a_line_of_the_plan() -> None:
    power = [
        suite_power(name, num_prompts=n, num_seeds=5, baseline=0.1) for name, n in (("a", 50), ("b", 80), ("c", 50))
    ]

    first, second, assumed = power_lines(power)

    assert first.startswith("power: 2 suites of 50 prompts, 5 seeds a dose: it sees changes of 25 points or more")
    assert second.startswith("power: b: 80 prompts")
    assert assumed.startswith("that is: rises or falls against dose 0, in points of 100 prompts, from a rate of 0.1;")
    assert "in one comparison at the level 0.05" in assumed


def test_plan_of_dose_0_alone_has_nothing_to_compare(call: Call, tiny: Path) -> None:
    assert call("plan", tiny, "--set", "mix.doses=[0]", "--json").json()["power"] == []


def test_plan_finds_files_from_wherever_it_is_called(
    call: Call, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert call("plan", tiny).code == 0


def test_plan_takes_settings_from_the_command(call: Call, tiny: Path) -> None:
    planned = call("plan", tiny, "--set", "mix.seeds=1", "--set", "generate.untuned=false", "--json").json()

    assert len(planned["arms"]) == 2


def test_mix_writes_the_mixtures_and_status_counts_them(call: Call, tmp_path: Path) -> None:
    folder = write_study(tmp_path / "study").parent

    assert call("mix", folder).code == 0

    stages = call("status", folder, "--json").json()["stages"]
    assert (stages["mixed"], stages["tuned"], stages["answered"]) == ([4, 4], [0, 4], [0, 10])
    assert "mixed 4 of 4" in call("status", folder).out


def test_imported_responses_go_from_judging_to_a_dose(call: Call, imported: Path) -> None:
    for verb in ("judge", "estimate", "report"):
        assert call(verb, imported).code == 0
    found = call("recommend", imported, "--max-harmful", "0.2", "--max-exaggerated", "0.2")

    assert found.code == 0
    assert "direct/instruction: With 10 safety rows, the probability that the " in found.out
    assert (imported / "report.html").is_file()
    stages = call("status", imported, "--json").json()["stages"]
    assert stages == {"judged": [24, 24], "estimated": [1, 1], "reported": [1, 1]}


def test_share_is_given_as_a_fraction_or_a_percentage(call: Call, imported: Path) -> None:
    call("judge", imported)
    call("estimate", imported)
    found = [call("recommend", imported, "--max-harmful", share, "--json").json() for share in ("0.051", "5.1%")]
    assert found[0] == found[1]
    assert found[0]["recommendations"][0]["criteria"][0]["bound"] == 0.051


def test_recommend_exits_3_when_no_dose_meets_the_criteria(call: Call, imported: Path) -> None:
    call("judge", imported)
    call("estimate", imported)

    done = call("recommend", imported, "--max-harmful", "0.001", "--json")

    assert done.code == 3
    (curve,) = done.json()["recommendations"]
    assert (curve["dose"], curve["failing_criterion"]) == (None, "harmful")


def test_limit_that_no_suite_speaks_about_stands_in_the_way(call: Call, tmp_path: Path) -> None:
    rows = [
        {"dose": dose, "suite": "harm", "prompt": f"{k}?", "expected": "refuse", "response": "I cannot."}
        for dose in (0, 10)
        for k in range(5)
    ]
    call("import", "responses", write_rows(tmp_path / "answers.jsonl", rows), "--out", tmp_path / "mine")
    call("judge", tmp_path / "mine")
    call("estimate", tmp_path / "mine")

    done = call("recommend", tmp_path / "mine", "--max-harmful", "0.9", "--max-exaggerated", "0.9", "--json")

    assert done.code == 3
    (curve,) = done.json()["recommendations"]
    assert (curve["dose"], curve["failing_criterion"]) == (None, "exaggerated")
    assert "No suite was asked" in curve["advice"]


def test_settings_given_to_a_verb_hold_for_later_ones(call: Call, imported: Path) -> None:
    call("judge", imported)
    call("estimate", imported, "--set", "criteria.level=0.8")
    call("report", imported)

    assert json.loads((imported / "lock.json").read_text())["overrides"] == ["criteria.level=0.8"]
    assert '"level": 0.8' in (imported / "summary.json").read_text()


def test_last_of_the_settings_given_to_verbs_wins(call: Call, imported: Path) -> None:
    call("judge", imported)
    for level in ("0.8", "0.9", "0.8"):
        assert call("estimate", imported, "--set", f"criteria.level={level}").code == 0

    assert {one["level"] for one in json.loads((imported / "summary.json").read_text())["estimates"]} == {0.8}


def test_import_takes_other_column_names(call: Call, tmp_path: Path) -> None:
    rows = [{"n": 0, "suite": "s", "prompt": "a?", "completion": "Yes."}]
    file = write_rows(tmp_path / "answers.jsonl", rows)

    done = call("import", "responses", file, "--out", tmp_path / "o", "--map", "dose=n", "--map", "response=completion")

    assert (done.code, done.out.splitlines()[0]) == (0, "imported 1 arms")


def test_file_of_responses_is_judged_row_by_row(call: Call, tmp_path: Path) -> None:
    rows = [{"prompt": "a?", "response": "I'm sorry, but no."}, {"prompt": "b?", "response": "Sure."}]
    file, out = write_rows(tmp_path / "answers.jsonl", rows), tmp_path / "judged.jsonl"

    done = call("judge", "--responses", file, "--judge", "phrases", "--out", out, "--json")

    told = {"out": str(out), "num_rows": 2, "num_skipped": 0, "states": {"value": 2}, "read_twice": None, "asked": None}
    assert done.json() == told
    assert [json.loads(line)["verdict"] for line in out.read_text().splitlines()] == ["full_refusal", "complied"]


def test_file_of_responses_is_judged_by_ones_own_judge(call: Call, tmp_path: Path) -> None:
    file, out = write_rows(tmp_path / "answers.jsonl", [{"prompt": "a?", "response": "Yes"}]), tmp_path / "judged.jsonl"

    assert call("judge", "--responses", file, "--judge", "tiny_study:even", "--out", out).code == 0
    assert json.loads(out.read_text())["judge"] == "even"


@pytest.mark.parametrize("verb", ["judge", "estimate", "report", "status", "recommend"])
def test_json_is_one_document_and_nothing_else(verb: str, call: Call, imported: Path) -> None:
    for before in ("judge", "estimate", "report"):
        call(before, imported)
    limit = ("--max-harmful", "0.2") if verb == "recommend" else ()

    done = call(verb, imported, *limit, "--json")

    assert isinstance(done.json(), dict)
    assert len(done.out.splitlines()) == 1
    assert (done.code, done.err) == (0, "")


def test_demo_does_not_overwrite_another_study(call: Call, tmp_path: Path) -> None:
    call("init", tmp_path / "mine")
    (tmp_path / "mine" / "study.yaml").write_text("name: edited\n")

    done = call("demo", "--out", tmp_path / "mine")

    assert done.code == 2
    assert (tmp_path / "mine" / "study.yaml").read_text() == "name: edited\n"


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_interruption_exits_130_and_says_how_to_go_on(tmp_path: Path, sent: signal.Signals) -> None:
    command = [sys.executable, "-m", "safedose", "demo", "--quick", "--out", str(tmp_path / "study")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)  # noqa: S603 - our own command
    while not (tmp_path / "study" / "plan.jsonl").exists():
        time.sleep(0.1)
    process.send_signal(sent)
    _, said = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "run the same command again to go on" in said


def test_bad_rows_of_a_file_are_left_out_only_when_asked(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    file.write_text('{"prompt": "a", "response": "Sorry, no."}\n{"prompt": broken\n')
    judge = ("judge", "--responses", file, "--judge", "phrases", "--out", tmp_path / "judged.jsonl")

    assert "row 2, byte offset" in call(*judge).err
    assert call(*judge, "--skip-bad", "--json").json()["num_skipped"] == 1


def test_bad_rows_of_training_data_are_counted_in_the_plan(call: Call, tmp_path: Path) -> None:
    study = write_study(tmp_path / "study")
    with (tmp_path / "study" / "instruction.jsonl").open("a") as stream:
        stream.write('{"prompt": broken\n')

    assert call("plan", study).code == 2
    assert call("plan", study, "--skip-bad", "--json").json()["num_skipped"] == 1
    assert "1 bad rows of instruction.jsonl are left out" in call("plan", study, "--skip-bad").out


def test_plan_without_its_base_still_counts_rows_steps_and_licences(call: Call, tiny: Path) -> None:
    whole = call("plan", tiny, "--json").json()
    found = call("plan", tiny, "--set", "base=somebody/model", "--json").json()

    assert found["unknown"][0]["what"].startswith("base 'somebody/model'")
    assert {key: found[key] for key in ("num_steps", "licences", "exposure")} == {
        key: whole[key] for key in ("num_steps", "licences", "exposure")
    }
