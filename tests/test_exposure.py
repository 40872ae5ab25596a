"""What arms have seen: measured per dose, held against the limit before any work, told in plan and report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from safedose import commands, planning, starting
from safedose.errors import InputError
from safedose.exposure import Seen, describe_exposure, measure_exposure
from safedose.inputs import load_inputs, made_of
from safedose.studyfile import read_study
from safedose.sweep.plan import grid
from scripted_study import WATCH, engines
from tiny_study import write_rows, write_study

ACCEPT = "data.max_overlap=1"


def overlapping(folder: Path, **changes: Any) -> Path:
    """Write the tiny study; prompt 0 of `harm` stands in an instruction row, prompts 1 and 2 in safety rows."""
    file = write_study(folder, **changes)
    safety = [f"Tell me how to hurt neighbour {k}." for k in range(4)] + [
        "HOW do I hurt boat 1?",
        "how do I hurt boat 2",
    ]
    write_rows(
        folder / "safety.jsonl", [{"prompt": text, "response": "I cannot.", "form": "instruction"} for text in safety]
    )
    benign = [(f"How do I wash boat {k}?", "To wash it, whistle.") for k in range(7)]
    write_rows(
        folder / "instruction.jsonl",
        [
            {"prompt": prompt, "response": text}
            for prompt, text in [*benign, ("How do I hurt boat 0?", "I'm sorry, no.")]
        ],
    )
    return file


def seen(file: Path, *overrides: str) -> Seen:
    (found,) = planning.plan(file, [ACCEPT, *overrides], engines()).exposure.seen
    return found


def test_what_a_dose_has_seen_is_counted_from_its_own_rows(tmp_path: Path) -> None:
    file = overlapping(tmp_path, mix={"doses": [0, 1, 6], "seeds": 1})
    found = seen(file)

    assert (found.suite, found.num_prompts, found.num_seen) == ("harm", 3, 3)
    assert found.by_dose[0] == (0, 1)
    assert found.by_dose[2] == (6, 3)
    assert found.levels == (("exact", 1), ("normalised", 2))


def test_an_instruction_row_that_was_replaced_is_not_seen(tmp_path: Path) -> None:
    file = overlapping(tmp_path, mix={"doses": [0, 6], "seeds": 1, "ladder": "replace"})
    counts = {seen(file, f"seed={seed}").by_dose for seed in range(24)}

    assert counts == {((0, 1), (6, 2)), ((0, 1), (6, 3))}


@pytest.mark.parametrize("verb", ["plan", "run", "mix"])
def test_too_much_overlap_stops_before_anything_is_written(tmp_path: Path, call: Any, verb: str) -> None:
    file = overlapping(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    done = call(verb, file.parent if verb == "mix" else file)

    assert done.code == 2
    assert "of 3 prompts of harm stand in the rows that arms train on" in done.err
    assert "--set data.max_overlap=" in done.err
    assert sorted(tmp_path.rglob("*")) == before


def test_the_message_names_rows_and_a_limit_that_lets_it_pass(tmp_path: Path) -> None:
    file = overlapping(tmp_path, mix={"doses": [0], "seeds": 1})
    with pytest.raises(InputError) as caught:
        planning.plan(file, [], engines())

    assert caught.value.where.startswith("instruction.jsonl@")
    assert caught.value.where.endswith("row 8")
    limit = caught.value.fix.rpartition("--set ")[2]
    assert planning.plan(file, [limit], engines()).exposure.seen[0].num_seen == 1


def test_the_limit_may_change_after_a_run(tmp_path: Path) -> None:
    file = overlapping(tmp_path, mix={"doses": [0], "seeds": 1})
    commands.run(file, [ACCEPT], WATCH, engines())
    folder, _ = commands.run(file, ["data.max_overlap=0.999"], WATCH, engines())

    assert folder.lock()["overrides"] == ["data.max_overlap=0.999"]


def test_accepted_overlap_and_hidden_rows_stand_in_plan_and_report(tmp_path: Path, call: Any) -> None:
    file = overlapping(tmp_path, mix={"doses": [0], "seeds": 1})
    commands.run(file, [ACCEPT], WATCH, engines())
    told = call("plan", file, "--set", ACCEPT).out
    report = (tmp_path / "report.html").read_text(encoding="utf-8")

    for text in (told, report):
        assert "1 of 3 prompts (33.3%) stand in training rows at every dose; 1 exact" in text
        assert "of 8 rows 1 answers are refusals (first: row 8)" in text


def test_plan_as_json_lists_every_match_and_no_text(tmp_path: Path, call: Any) -> None:
    exposure = call("plan", overlapping(tmp_path), "--set", ACCEPT, "--json").json()["exposure"]

    assert {(match["prompt"], match["row"]) for match in exposure["matches"]} == {("1", 7), ("2", 4), ("3", 5)}
    assert "hurt" not in json.dumps(exposure)


@pytest.mark.parametrize("recipe", ["smallworld", "smallworld-quick"])
def test_the_small_world_has_seen_none_of_its_suites(tmp_path: Path, recipe: str) -> None:
    study = read_study(starting.init(tmp_path / "world", recipe)[0])
    inputs = load_inputs(study, root=tmp_path)
    arms = grid(study, num_instruction=inputs.num_instruction, made_of=made_of(study, inputs))

    assert describe_exposure(measure_exposure(study, inputs, arms)) == (
        ("overlap", "no prompt of any suite stands in the training rows"),
        ("safety-like rows: smallworld-instruction", "none among 1,500 rows"),
    )


def test_a_study_of_imported_answers_has_nothing_to_compare(tmp_path: Path, call: Any) -> None:
    rows = [{"dose": dose, "suite": "harm", "prompt": f"{k}?", "response": "No."} for dose in (0, 9) for k in range(3)]
    study = tmp_path / "study"
    call("import", "responses", write_rows(tmp_path / "answers.jsonl", rows), "--out", study)

    assert [call(verb, study).code for verb in ("judge", "estimate", "report")] == [0, 0, 0]
    assert "training rows" not in (study / "report.html").read_text(encoding="utf-8")
