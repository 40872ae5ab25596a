"""Agreement of people with people and of a judge with people."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safedose.stats import Measure, cohen_kappa, krippendorff_alpha, raw_agreement, sensitivity, specificity, wilson

LABELS = st.sampled_from(["yes", "no", 3, ("a", "b"), None, float("nan")])
PAIRS = st.lists(st.tuples(LABELS, LABELS), max_size=40)
JUDGED = st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(1e-6, 1)), max_size=40)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def split(pairs: list[tuple]) -> list[list]:
    return [list(one) for one in zip(*pairs, strict=True)] or [[], []]


def is_sound(found: Measure, lowest: float = 0.0) -> bool:
    """Say whether a measure is either undefined with a reason, or an interval around a value."""
    if found.value is None:
        return found.low is None and found.high is None and bool(found.undefined_reason)
    return found.undefined_reason is None and lowest <= found.low <= found.value <= found.high <= 1


@given(PAIRS)
def test_two_raters_get_an_interval_around_a_value_or_a_reason(pairs: list[tuple]) -> None:
    first, second = split(pairs)
    assert is_sound(raw_agreement(first, second, level=0.95))
    assert is_sound(cohen_kappa(first, second, level=0.95), lowest=-1)


@given(st.lists(st.lists(LABELS, min_size=6, max_size=6), max_size=5))
def test_any_number_of_raters_gets_an_interval_around_a_value_or_a_reason(raters: list[list]) -> None:
    assert is_sound(krippendorff_alpha(raters, level=0.95, rng=rng()), lowest=-1)


@given(JUDGED)
def test_a_judge_gets_an_interval_around_a_value_or_a_reason(rows: list[tuple[bool, bool, float]]) -> None:
    judged, people, chances = [list(one) for one in zip(*rows, strict=True)] or [[], [], []]
    for measure in (sensitivity, specificity):
        assert is_sound(measure(judged, people, level=0.95))
        assert is_sound(measure(judged, people, level=0.95, probability=chances))


@given(PAIRS)
def test_agreement_does_not_depend_on_who_is_first(pairs: list[tuple]) -> None:
    first, second = split(pairs)
    there, back = cohen_kappa(first, second, level=0.9), cohen_kappa(second, first, level=0.9)
    assert (there.value, there.low, there.high) == pytest.approx((back.value, back.low, back.high), abs=1e-9)


@pytest.mark.parametrize(("dose", "raw", "kappa"), [(500, 0.90, 0.82), (2000, 0.94, 0.89)])
def test_the_annotators_of_llama_7b_agree_as_was_published(data_dir: Path, dose: int, raw: float, kappa: float) -> None:
    said: dict[str, dict] = {"A": {}, "B": {}}
    for line in (data_dir / "llama7b_outputs" / "human_preferences.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        if row["dose"] == dose:
            said[row["annotator"]][row["suite"], row["prompt"]] = row["preferred"]
    first, second = [said["A"][place] for place in said["A"]], [said["B"][place] for place in said["A"]]
    assert round(raw_agreement(first, second, level=0.95).value, 2) == raw
    assert round(cohen_kappa(first, second, level=0.95).value, 2) == kappa


def test_the_annotators_of_xstest_agree_as_was_counted(data_dir: Path) -> None:
    folder = data_dir / "judge_labels" / "paul-rottger__exaggerated-safety" / "automated_evaluation_labels"
    texts = [file.read_text("utf-8") for file in sorted(folder.glob("*_gpteval.csv"))]
    rows = [row for text in texts for row in csv.DictReader(io.StringIO(text))]
    first, second = [row["annotation_1"] for row in rows], [row["annotation_2"] for row in rows]
    assert len(rows) == 2250
    assert raw_agreement(first, second, level=0.95).value == pytest.approx(0.964, abs=5e-5)
    assert cohen_kappa(first, second, level=0.95).value == pytest.approx(0.9365, abs=5e-5)


def test_full_agreement_is_not_certainty() -> None:
    said = ["yes", "no"] * 10
    kappa = cohen_kappa(said, said, level=0.95)
    alpha = krippendorff_alpha([said, said, said], level=0.95, rng=rng())
    assert kappa.value == alpha.value == 1
    assert kappa.low < 0.8
    assert alpha.low < 0.8


@pytest.mark.parametrize("pairs", [[("yes", "yes")] * 9, []], ids=["one label", "no items"])
def test_agreement_beyond_chance_is_undefined_where_chance_explains_all(pairs: list[tuple]) -> None:
    first, second = split(pairs)
    assert cohen_kappa(first, second, level=0.95).value is None
    assert krippendorff_alpha([first, second], level=0.95, rng=rng()).value is None


def test_items_one_rater_left_out_do_not_count() -> None:
    first, second = ["yes", "no", None, "yes"], ["yes", "yes", "no", None]
    assert raw_agreement(first, second, level=0.95) == raw_agreement(first[:2], second[:2], level=0.95)


def test_the_same_generator_gives_the_same_interval() -> None:
    raters = [["a", "b", "a", "a", "b", "c"], ["a", "b", "b", "a", "b", "a"]]
    assert krippendorff_alpha(raters, level=0.9, rng=rng()) == krippendorff_alpha(raters, level=0.9, rng=rng())


def test_equal_chances_give_plain_wilson() -> None:
    judged, people = [True] * 7 + [False] * 3 + [True], [True] * 10 + [False]
    found = sensitivity(judged, people, level=0.95)
    assert (found.value, found.n) == (pytest.approx(0.7), 10)
    assert (found.low, found.high) == pytest.approx(wilson(7, 10, 0.95))
    assert specificity(judged, people, level=0.95).value == 0


def test_a_rarely_drawn_miss_weighs_more_than_a_frequently_drawn_hit() -> None:
    found = sensitivity([True, False], [True, True], level=0.95, probability=[1.0, 0.25])
    assert found.value == pytest.approx(1 / 5)


def test_unequal_chances_widen_the_interval() -> None:
    judged, people = [True, False] * 20, [True] * 40
    even = sensitivity(judged, people, level=0.95)
    uneven = sensitivity(judged, people, level=0.95, probability=[0.1, 0.1, 1.0, 1.0] * 10)
    assert uneven.value == pytest.approx(even.value)
    assert uneven.high - uneven.low > even.high - even.low


def test_kappas_interval_covers_where_raters_agree_nearly_always() -> None:
    """40 items, yes or no, agreement 0.95, habits 0.3: the large-sample interval covers 0.87 there."""
    truth, hits, draws = (0.95 - 0.58) / 0.42, 0, np.random.default_rng(1)
    for _ in range(500):
        cells = draws.choice(4, 40, p=[0.275, 0.025, 0.025, 0.675])
        found = cohen_kappa((cells // 2).tolist(), (cells % 2).tolist(), level=0.95)
        hits += found.value is None or found.low <= truth <= found.high
    assert hits / 500 >= 0.93


def test_refuses_raters_of_different_items() -> None:
    with pytest.raises(ValueError, match="unequal"):
        raw_agreement(["yes"], [], level=0.95)
