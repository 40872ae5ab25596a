"""What doses do, cost and leave open, in words."""

from __future__ import annotations

from dataclasses import replace

from report_study import CRITERIA, study

from safedose.findings import Band, Curve, Disagreement, DoseDisagreement, Summary, TradeOff, VarianceSplit
from safedose.report.wordtables import MAX_ROWS, WordTable, word_tables

CELL = {"base": "smallworld", "run": "default", "ladder": "add", "strategy": "direct", "format": "instruction"}
CURVE = Curve(
    **CELL, suite=CRITERIA[0].suite, endpoint=CRITERIA[0].endpoint, judge=CRITERIA[0].judge, target="next_adapter",
    level=0.95, doses=(0, 40, 480), isotonic=(), logistic=(), shape="falling",
    ed50=Band(value=31.4, low=20.0, high=None), ed90=Band(value=None, low=None, high=None), onset=None, note="",
)  # fmt: skip
SPLIT = VarianceSplit(
    **CELL, dose=40, suite=CRITERIA[0].suite, endpoint=CRITERIA[0].endpoint, judge=CRITERIA[0].judge, num_seeds=2,
    num_prompts=120, parts=(("seeds", 0.0003), ("prompts", 0.0001)),
    advice="Most of the uncertainty (75%) is the seeds: add seeds, not prompts.",
)  # fmt: skip
TRADE = TradeOff(**CELL, dose=40, harmful=0.5, exaggerated=0.25, on_front=False)


def table(summary: Summary, place: str) -> WordTable:
    return next(one for one in word_tables(summary) if one.id == place)


def test_dose_that_was_not_reached_is_above_the_largest() -> None:
    (row,) = table(replace(study(), curves=(CURVE,)), "along").rows
    assert row[2:] == ("falling", "31 (20 to above 480)", "above 480", "-")


def test_curve_says_of_whom_it_speaks_and_what_stands_in_no_other_cell() -> None:
    note = "half of the rate at dose 0 lies beyond the largest dose, 480; dose 60 is left out: it has one seed"
    falling = replace(CURVE, target="these_adapters", note=note)
    (row,) = table(replace(study(), curves=(falling,)), "along").rows
    assert row[2] == "falling (these adapters): dose 60 is left out: it has one seed"


def test_curves_without_a_shape_are_told_once_per_reason_and_have_no_row() -> None:
    undefined = replace(CURVE, shape="undefined", ed50=None, ed90=None, note="2 usable doses say nothing")
    found = table(replace(study(), curves=(undefined, undefined, replace(undefined, note="none"))), "along")
    assert found.rows == found.others == ()
    assert found.reading == "2 rates have no curve: 2 usable doses say nothing. 1 rate has no curve: none."


def test_curves_that_no_criterion_asks_about_are_folded_away() -> None:
    found = table(replace(study(), curves=(CURVE, replace(CURVE, suite="another"))), "along")
    assert (len(found.rows), len(found.others)) == (1, 1)


def test_crossing_before_the_first_dose_has_no_figure_in_between() -> None:
    early = replace(CURVE, ed50=Band(value=34.2, low=0.0, high=40.0), ed90=Band(value=34.2, low=0.0, high=None))
    (row,) = table(replace(study(), curves=(early,)), "along").rows
    assert row[3:5] == ("between 0 and 40", "0 to above 480")


def test_rate_that_rises_has_an_onset_in_place_of_an_effect() -> None:
    rising = replace(CURVE, shape="rising", onset=Band(value=12.0, low=5.0, high=40.0))
    (row,) = table(replace(study(), curves=(rising,)), "along").rows
    assert row[3:] == ("-", "-", "12 (5 to 40)")


def test_share_of_each_source_stands_beside_the_deviation() -> None:
    found = table(replace(study(), variances=(SPLIT,)), "split")
    assert found.columns[2:] == ("Dose", "SD, points", "Seeds", "Prompts")
    assert found.rows[0][2:] == ("40", "2.0", "75%", "25%")
    assert "Most often that is seeds (1 of 1)." in found.reading


def test_few_seeds_are_said_not_to_be_trusted_and_many_are_not() -> None:
    few, many = (table(replace(study(), variances=(replace(SPLIT, num_seeds=n),)), "split").reading for n in (2, 5))
    assert "with fewer than 5 seeds (here 2) the part of the seeds cannot be trusted" in few
    assert "trusted" not in many


def test_equal_answers_are_told_in_a_sentence_and_have_no_row() -> None:
    alike = replace(SPLIT, parts=(("seeds", 0.0), ("prompts", 0.0)))
    found = table(replace(study(), variances=(SPLIT, alike)), "split")
    assert len(found.rows) == 1
    assert found.reading.endswith("All adapters answered every prompt alike 1 times: nothing to split there.")


def test_one_seed_a_dose_is_said_in_place_of_a_split() -> None:
    found = table(study(num_seeds=1), "split")
    assert (found.rows, found.reading[:28]) == ((), "Every dose has one seed: wha")


def test_dose_0_has_replicates_and_no_draw_of_rows() -> None:
    zero = replace(SPLIT, parts=(("replicate", 0.0003), ("training", 0.0001)))
    assert table(replace(study(), variances=(zero,)), "split").columns[4:] == ("Replicate (dose 0)", "Training")


def test_rate_that_no_criterion_asks_for_is_not_split() -> None:
    summary = replace(study(), variances=(replace(SPLIT, suite="another"),))
    assert all(one.id != "split" for one in word_tables(summary))


def test_beaten_dose_names_the_one_that_beats_it() -> None:
    beaten = replace(TRADE, beaten_by=("balanced", "instruction", 480))
    (row,) = table(replace(study(), trade_offs=(beaten,)), "weighed").rows
    assert row[1:] == ("beaten by balanced · instruction 480", "40", "50.0%", "25.0%")


def test_trade_off_stands_with_its_intervals() -> None:
    wide = replace(TRADE, on_front=True, harmful_low=0.4, harmful_high=0.6)
    (row,) = table(replace(study(), trade_offs=(wide,)), "weighed").rows
    assert row[1:] == ("on the front", "40", "50.0% (40.0–60.0)", "25.0%")


def test_long_table_says_how_many_rows_are_left_out() -> None:
    found = table(replace(study(), curves=(CURVE,) * (MAX_ROWS + 3)), "along")
    assert (len(found.rows), found.num_left_out) == (MAX_ROWS, 3)


def test_judges_stand_side_by_side_with_the_dose_at_which_they_differ_most() -> None:
    by_dose = (DoseDisagreement(dose=0, n=50, num_differing=1), DoseDisagreement(dose=480, n=50, num_differing=9))
    one = Disagreement(
        base="smallworld", run="default", suite="lookalikes", axis="refusal", first="oracle", second="phrases", n=100,
        num_first_only=8, num_second_only=2, num_missing=3, kappa=0.75, doses=by_dose,
    )  # fmt: skip
    (row,) = table(replace(study(), disagreements=(one,)), "judges").rows
    assert row == ("lookalikes", "refusal", "oracle and phrases", "100", "8", "2", "3", "0.75", "480 (18%)")


def test_study_without_any_has_no_table() -> None:
    assert word_tables(replace(study(), curves=())) == ()
