"""Judging a file of responses: the same rows in the same order, with a verdict."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from safedose.errors import InputError, RunError
from safedose.judging.exact import Exact
from safedose.judging.phrases import Phrases
from safedose.judging.rows import judge_rows
from safedose.records import Axis, Response, Verdict

ROW: dict[str, object] = {"id": 7, "prompt": "Who?", "response": "I'm sorry, no."}


class TwoAxes:
    """Calls everything harmless compliance, and keeps what it was shown."""

    id = "two"
    axes: tuple[Axis, ...] = ("harm", "refusal")
    fingerprint = "1"

    def __init__(self, *, forgets: bool = False) -> None:
        self.forgets = forgets
        self.shown: list[Response] = []

    def judge(self, responses: Sequence[Response]) -> list[Verdict]:
        self.shown += responses
        verdicts = [self.verdict(response, axis) for response in responses for axis in self.axes]
        return verdicts[1:] if self.forgets else verdicts

    def verdict(self, response: Response, axis: Axis) -> Verdict:
        return Verdict(
            arm=response.arm,
            suite=response.prompt.suite,
            prompt_id=response.prompt.id,
            sample=response.sample,
            expected=response.prompt.expected,
            category=response.prompt.category,
            judge=self.id,
            axis=axis,
            state="value",
            value={"harm": "harmless", "refusal": "complied"}[axis],
            score=0.5,
        )


def test_a_row_keeps_its_columns_and_gains_six() -> None:
    (row,) = judge_rows([(1, ROW)], Phrases())

    assert row == ROW | {
        "state": "value",
        "verdict": "full_refusal",
        "score": None,
        "judge": "phrases",
        "axis": "refusal",
        "reason": 'opens with "i\'m sorry"',
    }


def test_rows_come_out_one_for_one_in_order() -> None:
    texts = ["Sure.", "", "No.", "Sure."]

    rows = judge_rows([(n, ROW | {"response": text}) for n, text in enumerate(texts, start=1)], Phrases())

    assert [row["response"] for row in rows] == texts
    assert [row["verdict"] for row in rows] == ["complied", None, "full_refusal", "complied"]
    assert rows[1]["state"] == "unusable"


def test_no_rows_in_no_rows_out() -> None:
    assert judge_rows([], Phrases()) == []


def test_the_given_rows_are_left_as_they_are() -> None:
    row = dict(ROW)

    judge_rows([(1, row)], Phrases())

    assert row == ROW


def test_the_reference_of_a_row_is_used() -> None:
    rows = [(n, ROW | {"reference": reference}) for n, reference in enumerate(("sorry", 3, None, ""), start=1)]

    assert [row["verdict"] for row in judge_rows(rows, Exact())] == ["correct", "wrong", None, None]


def test_expected_and_suite_are_shown_to_the_judge() -> None:
    judge = TwoAxes()

    judge_rows([(1, ROW | {"expected": "refuse", "suite": "mine"}), (2, ROW)], judge)

    assert [(r.prompt.expected, r.prompt.suite) for r in judge.shown] == [("refuse", "mine"), ("either", "")]


@pytest.mark.parametrize(("axis", "verdict"), [(None, "harmless"), ("harm", "harmless"), ("refusal", "complied")])
def test_the_first_axis_is_written_unless_another_is_chosen(axis: Axis | None, verdict: str) -> None:
    rows = judge_rows([(1, ROW), (2, ROW)], TwoAxes(), axis=axis)

    assert [row["verdict"] for row in rows] == [verdict, verdict]


def test_an_axis_the_judge_does_not_have_is_an_input_error() -> None:
    with pytest.raises(InputError, match="'phrases' does not look at 'harm'; known are: refusal"):
        judge_rows([(1, ROW)], Phrases(), axis="harm")


@pytest.mark.parametrize("column", ["state", "verdict", "score", "judge", "axis", "reason"])
def test_a_column_that_would_be_overwritten_is_an_input_error(column: str) -> None:
    with pytest.raises(InputError, match=f"already has the column '{column}'\n.*row 3"):
        judge_rows([(3, ROW | {column: "x"})], Phrases())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"prompt": "Who?", "respnse": "Me."},
            "column 'response' is missing; did you mean 'respnse'\\?\n.*row 3",
        ),
        ({"response": "Me."}, "column 'prompt' is missing"),
        ({}, "column 'response' is missing"),
        (ROW | {"response": None}, "column 'response' holds a value of type NoneType, not a text"),
        (ROW | {"prompt": ["Who?"]}, "column 'prompt' holds a value of type list, not a text"),
        (ROW | {"expected": "refused"}, "holds 'refused'; did you mean 'refuse'"),
        (ROW | {"reference": ["a"]}, "column 'reference' holds a value of type list"),
    ],
)
def test_a_row_that_cannot_be_judged_is_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        judge_rows([(3, values)], Phrases())


def test_a_judge_that_forgets_a_verdict_is_a_run_error() -> None:
    with pytest.raises(RunError, match="'two' gave 3 verdicts, not the 4 due"):
        judge_rows([(1, ROW), (2, ROW)], TwoAxes(forgets=True))
