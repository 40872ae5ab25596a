"""Answers read twice: what is counted, when a judge is said to have changed, and how often that is wrong."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from safedose.findings import Answering, Steadiness
from safedose.records import Axis, Rereading, Verdict
from safedose.seeding import generator
from safedose.stats.endpoints import READABLE
from safedose.stats.rates import wilson
from safedose.stats.steadiness import FEWEST, RISING, SHOWN, find_change, told_twice, weigh_rereadings

VALUES = {"h": "harmful", "o": "harmless", "c": "complied", "p": "partial_refusal", "f": "full_refusal"}


def verdict(sign: str, axis: Axis, score: float | None = None) -> Verdict:
    return Verdict(
        arm="a", suite="s", prompt_id="1", sample=0, expected="refuse", category="", judge="j", axis=axis,
        state="value" if sign in VALUES else "unusable", value=VALUES.get(sign), score=score,
    )  # fmt: skip


def readings(first: str, second: str, *, axis: Axis = "harm", scores: bool = False) -> list[Rereading]:
    """A reading per sign, ten answers apart: h(armful), o(kay), anything else has no value."""
    numbers = {"h": 4.0, "o": 1.0} if scores else {}
    return [
        Rereading(place=10 * k + 1, num_judged=10 * len(first), first=verdict(one, axis, numbers.get(one)),
                  second=verdict(other, axis, numbers.get(other)))
        for k, (one, other) in enumerate(zip(first, second, strict=True))
    ]  # fmt: skip


def weigh(first: str, second: str, **more: object) -> Steadiness:
    answered_by = more.pop("answered_by", ())
    (one,) = weigh_rereadings(
        readings(first, second, **more), answered_by=answered_by, level=0.95, rng=generator(1, "test")
    )  # fmt: skip
    return one


def test_what_differs_and_what_has_no_value_is_counted_apart() -> None:
    one = weigh("hhoo?h?", "hoho?" + "?h")

    assert (one.num_reread, one.whole.n, one.whole.num_differing) == (7, 4, 2)
    assert one.whole.changes == (("harmful", "harmless", 1), ("harmless", "harmful", 1))
    assert (one.num_lost, one.num_gained, one.num_unread) == (1, 1, 1)
    assert (one.low, one.high) == wilson(2, 4, 0.95)


def test_scores_and_what_counts_are_told_of_both_readings() -> None:
    one = weigh("ooooh", "oohhh", scores=True)

    assert (one.whole.num_first, one.whole.num_second) == (1, 3)
    assert one.whole.score_change == pytest.approx(2 * 3.0 / 5)
    assert weigh("oh", "oh").whole.score_change is None


def test_each_axis_stands_alone() -> None:
    both = [*readings("hh", "ho"), *readings("cp", "cf", axis="refusal")]

    found = weigh_rereadings(both, level=0.95, rng=generator(1, "test"))

    assert [(one.axis, one.whole.num_differing) for one in found] == [("harm", 1), ("refusal", 1)]


def test_the_order_in_which_readings_are_given_changes_nothing() -> None:
    given = readings("ohohohoooooohohhho", "hhoooohoooooohhhoo")

    one, other = (weigh_rereadings(some, level=0.95, rng=generator(1, "test")) for some in (given, given[::-1]))

    assert one == other


def test_nothing_read_twice_is_nothing_to_say() -> None:
    assert weigh_rereadings([], level=0.95, rng=generator(1, "test")) == ()


def test_answers_without_any_value_have_no_share() -> None:
    one = weigh("???", "?h?")

    assert (one.whole.n, one.low, one.high, one.p_direction, one.p_change, one.warnings) == (
        0,
        None,
        None,
        None,
        None,
        (),
    )
    assert told_twice(one) == [
        "read twice: 3 answers, 0 came out otherwise, 3 without a value at one of the two readings"
    ]


def test_values_of_every_axis_have_an_order() -> None:
    assert {axis: frozenset(order) for axis, order in RISING.items()} == dict(READABLE)


def test_a_change_half_way_is_told_with_both_sides() -> None:
    one = weigh("o" * 40, "hhohhohohhhohohhohhh" + "o" * 20)

    assert one.place == 201
    assert one.p_change is not None
    assert one.p_change < 0.001
    assert one.before is not None
    assert one.after is not None
    assert (one.before.n, one.before.num_second, one.after.n, one.after.num_second) == (20, 14, 20, 0)
    assert one.warnings[0] == (
        "it changed: read again, it says otherwise of 14 of 20 answers from before about answer "
        "201 of 400, and of 0 of 20 from there on (p < 0.001); harmful before that place: 0 at first, 14 now; from "
        "there on: 0 at first, 0 now"
    )


def test_a_judge_that_wavers_more_over_some_answers_is_not_said_to_have_changed() -> None:
    """Steady judges do so where answers are harder; what gives a changed one away is that it turns one way."""
    one = weigh("oh" * 20 + "oh" * 20, "hooh" * 10 + "oh" * 20)

    assert one.warnings[0].startswith("it changed, or wavers more where answers are harder: read again,")
    assert one.p_direction == 1.0


def test_a_judge_that_wavers_both_ways_alike_only_contradicts_itself() -> None:
    one = weigh("oh" * 30, "ohhooh" * 10)

    assert [warning.partition(":")[0] for warning in one.warnings] == ["it contradicts itself"]


def test_changes_one_way_are_told_where_a_coin_would_hardly_fall_so() -> None:
    """Eight of eight one way has probability 2 / 2 ** 8, below 0.01; seven of seven has 2 / 2 ** 7."""
    said = {number: weigh("o" * 400, "h" * number + "o" * (400 - number)) for number in (7, 8)}

    assert [said[number].p_direction for number in (7, 8)] == pytest.approx([2 / 2**7, 2 / 2**8])
    assert [any("one way" in one for one in said[number].warnings) for number in (7, 8)] == [False, True]


def test_readings_that_are_lost_one_way_are_told() -> None:
    one = weigh("o" * 60, "?" * 9 + "o" * 51)

    assert one.warnings == ("9 answers had a value at first and have none now, 0 the other way round (p = 0.004)",)


def test_another_name_or_build_of_the_server_is_told() -> None:
    names = (Answering(model="m", build="", num_replies=1200), Answering(model="m", build="fp_2", num_replies=3))

    one = weigh("oo", "oo", answered_by=names)

    assert one.warnings == ("its server answered as more than one model or build: m 1,200 times, m (fp_2) 3 times",)
    assert weigh("oo", "oo", answered_by=names[:1]).warnings == ()


def test_a_steady_judge_gets_one_line() -> None:
    assert told_twice(weigh("oh" * 32, "oh" * 32)) == ["read twice: 64 answers, 0 came out otherwise (0%, 0% to 6%)"]


@pytest.mark.parametrize("said", ["", "1" * 30, "0" * 30, "1" + "0" * (2 * FEWEST - 2)])
def test_where_nothing_can_be_found_there_is_no_p_value(said: str) -> None:
    assert find_change([sign == "1" for sign in said], generator(1, "test")) is None


def test_the_largest_contrast_and_its_chance_are_those_of_all_orders() -> None:
    """Twelve answers of which three differ have 220 orders, few enough to try them all."""

    def largest(differs: tuple[int, ...]) -> float:
        found = []
        for place in range(FEWEST, len(differs) - FEWEST + 1):
            before, after = differs[:place], differs[place:]
            gap = sum(before) / len(before) - sum(after) / len(after)
            found.append(abs(gap) / (1 / len(before) + 1 / len(after)) ** 0.5)
        return max(found)

    seen = (1, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0)
    orders = [tuple(int(k in chosen) for k in range(12)) for chosen in itertools.combinations(range(12), 3)]
    chance = np.mean([largest(order) >= largest(seen) - 1e-9 for order in orders])

    found = find_change([bool(one) for one in seen], generator(1, "test"))
    assert found is not None
    assert found[0] == 5
    assert found[1] == pytest.approx(chance, abs=4 * (chance / 9999) ** 0.5)


def test_a_judge_that_only_wavers_is_seldom_said_to_have_changed() -> None:
    """The p-value is exact: of 400 judges that say otherwise of one answer in five at most 5 % lie below 0.05."""
    chances = []
    for number in range(400):
        rng = generator(number, "wavers")
        found = find_change(list(rng.random(64) < 0.2), rng)
        chances.append(1.0 if found is None else found[1])
    below = np.mean(np.array(chances) <= 0.05)

    assert 0.02 <= below <= 0.05 + 2 * (0.05 * 0.95 / 400) ** 0.5
    assert np.mean(np.array(chances) <= 0.5) == pytest.approx(0.5, abs=0.1)


def test_a_judge_that_changed_half_way_is_mostly_found() -> None:
    """It wavers over one answer in twenty; the change moves half of those before it. The docs have other cases."""
    shown = 0
    for number in range(60):
        rng = generator(number, "changed")
        differs = np.concatenate([rng.random(32) < 0.525, rng.random(32) < 0.05])
        found = find_change(list(differs), rng)
        shown += found is not None and found[1] < SHOWN and abs(found[0] - 32) <= 10

    assert shown >= 0.7 * 60
