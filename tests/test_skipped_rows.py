"""`data.skip_bad`: bad training rows are left out and counted; bad prompts of a suite never are."""

from __future__ import annotations

from pathlib import Path

import pytest

from safedose.errors import InputError
from safedose.inputs import Inputs, load_inputs
from safedose.studyfile import read_study
from tiny_study import write_study


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study whose instruction data end in two bad rows."""
    study = write_study(tmp_path)
    with (tmp_path / "instruction.jsonl").open("a") as file:
        file.write('{"prompt": "no response"}\n{"prompt": "cut')
    return study


def load(study: Path, *overrides: str) -> Inputs:
    return load_inputs(read_study(study, overrides=overrides), root=study.parent)


def test_the_first_bad_row_is_an_error_that_names_the_setting(study: Path) -> None:
    with pytest.raises(InputError, match=r"no text under response") as caught:
        load(study)

    assert caught.value.fix.endswith("leave bad rows out, counted, with data.skip_bad: true")


def test_bad_rows_are_left_out_and_counted_per_source(study: Path) -> None:
    inputs = load(study, "data.skip_bad=true")

    assert len(inputs.pool.instruction) == 8
    assert [(one.source, one.num_rows) for one in inputs.skipped] == [("instruction.jsonl", 2)]


def test_the_reasons_come_with_the_count(study: Path) -> None:
    (skipped,) = load(study, "data.skip_bad=true").skipped

    assert [reason.partition(": ")[2].split(";")[0] for reason in skipped.reasons] == [
        "no text under response or completion or output",
        "the last row is cut off: Unterminated string starting",
    ]


def test_sources_without_bad_rows_are_not_listed(tmp_path: Path) -> None:
    assert load(write_study(tmp_path), "data.skip_bad=true").skipped == ()


def test_a_bad_prompt_of_a_suite_is_an_error_all_the_same(study: Path) -> None:
    (study.parent / "harm.jsonl").write_text('{"prompt": "?"}\nbroken\n')

    with pytest.raises(InputError, match="not JSON") as caught:
        load(study, "data.skip_bad=true")
    assert "skip" not in caught.value.fix
