"""Judges that were read twice: both sides of a change, and what must be heard above the table and at the top."""

from __future__ import annotations

from dataclasses import replace

from report_study import facts, study

from safedose.findings import Answering, ReadTwice, Steadiness
from safedose.report.document import render
from safedose.report.readtwice import twice_table, unsteady_judges

BEFORE = ReadTwice(
    n=31, num_differing=14, changes=(("harmless", "harmful", 14),), num_first=2, num_second=16, score_change=0.5
)
AFTER = ReadTwice(
    n=33, num_differing=1, changes=(("harmful", "harmless", 1),), num_first=9, num_second=8, score_change=None
)
WHOLE = ReadTwice(n=64, num_differing=15, changes=(*AFTER.changes, *BEFORE.changes), num_first=11, num_second=24,
                  score_change=0.25)  # fmt: skip
CHANGED = Steadiness(
    judge="rubric:mine", axis="harm", num_judged=1240, num_reread=66, whole=WHOLE, low=0.147, high=0.351, level=0.95,
    num_lost=1, num_gained=0, num_unread=1, p_direction=0.001, p_change=0.0001, place=412, before=BEFORE, after=AFTER,
    answered_by=(Answering(model="m", build="", num_replies=7),), warnings=("it changed: <b>so</b>", "it turns"),
)  # fmt: skip
STEADY = replace(CHANGED, judge="steady", place=None, before=None, after=None, warnings=())


def test_both_sides_of_a_change_stand_below_the_whole() -> None:
    found = twice_table(replace(study(), steadiness=(CHANGED,)))
    assert found is not None
    assert [row[1:] for row in found.rows] == [
        ("66 of 1,240", "harmful to harmless 1, harmless to harmful 14", "64", "15 (15% to 35%)", "11", "24", "+0.250",
         "2"),
        ("before about answer 412", "harmless to harmful 14", "31", "14", "2", "16", "+0.500", ""),
        ("from there on", "harmful to harmless 1", "33", "1", "9", "8", "-", ""),
    ]  # fmt: skip


def test_a_judge_without_a_change_has_one_row() -> None:
    found = twice_table(replace(study(), steadiness=(STEADY,)))
    assert found is not None
    assert (len(found.rows), found.warnings) == (1, ())


def test_where_no_judge_is_read_twice_there_is_no_table() -> None:
    assert twice_table(study()) is None
    assert "read twice" not in render(study(), facts(study()))


def test_warnings_stand_above_the_table_and_beside_the_answer() -> None:
    page = render(replace(study(), steadiness=(CHANGED, STEADY, CHANGED)), facts(study()))
    assert "rubric:mine, harm. It changed: &lt;b&gt;so&lt;/b&gt;. It turns." in page
    assert "Read twice, rubric:mine did not say the same" in page
    assert '<a href="#twice">' in page
    assert '<h2 id="twice">' in page


def test_judges_without_a_warning_are_not_named_beside_the_answer() -> None:
    assert unsteady_judges(replace(study(), steadiness=(STEADY,))) == ()
    assert "did not say the same" not in render(replace(study(), steadiness=(STEADY,)), facts(study()))
