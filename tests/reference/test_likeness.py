"""The fast comparison of texts against a slow one written straight from the definitions."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safedose.data.likeness import NEAR, near_pairs, normal, shared_runs, shingles

WORDS = st.sampled_from(["boat", "map", "old", "harbour", "whistle", "a"])
RUNS = st.lists(WORDS, min_size=1, max_size=30).map(" ".join)
SPELT = st.text(st.sampled_from("abc "), min_size=1, max_size=60).map(normal).filter(bool)


def runs(text: str) -> set[tuple[str, ...]]:
    words = text.split()
    return {tuple(words[k : k + 13]) for k in range(len(words) - 12)}


def pieces(text: str) -> set[str]:
    padded = f" {text} "
    return {padded[k : k + 5] for k in range(len(padded)) if len(padded[k : k + 5]) == 5} or {padded.ljust(5)}


def similarity(one: str, other: str) -> float:
    return len(pieces(one) & pieces(other)) / len(pieces(one) | pieces(other))


@given(st.lists(RUNS, max_size=5, unique=True), st.lists(RUNS, max_size=5, unique=True))
def test_shared_runs_are_those_of_the_definition(asked: list[str], said: list[str]) -> None:
    slow = {
        (i, j, len(runs(a) & runs(b)) / len(runs(a)))
        for (i, a), (j, b) in product(enumerate(asked), enumerate(said))
        if runs(a) & runs(b)
    }

    assert set(shared_runs(asked, said)) == slow


@given(SPELT)
def test_shingles_are_those_of_the_definition(text: str) -> None:
    assert shingles(text) == pieces(text)


@given(st.lists(SPELT, max_size=5, unique=True), SPELT, st.integers(0, 60), st.sampled_from("abc"))
def test_every_near_pair_is_near_by_the_definition(asked: list[str], text: str, place: int, letter: str) -> None:
    changed = [normal(f"{one[:place]}{letter}{one[place + 1 :]}") for one in (*asked, text)]
    said = [one for one in dict.fromkeys(changed) if one]

    for one, other, found in near_pairs(asked, said):
        assert found == pytest.approx(similarity(asked[one], said[other]))
        assert found >= NEAR


def test_minhash_misses_no_pair_of_a_hundred_with_one_letter_changed() -> None:
    asked = [
        normal(f"number {k} of the {k * 7919 % 1000} old harbour boats, painted in {k * 31} colours by hand and eye")
        for k in range(100)
    ]
    said = [text.replace("colours", "colourz") for text in asked]
    slow = {
        (i, j)
        for i, j in product(range(100), repeat=2)
        if similarity(asked[i], said[j]) >= NEAR
        and min(len(asked[i]), len(said[j])) >= NEAR * max(len(asked[i]), len(said[j]))
    }

    found = {(i, j) for i, j, _ in near_pairs(asked, said)}
    assert found <= slow
    assert {(k, k) for k in range(100)} <= found
