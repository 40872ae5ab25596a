"""An answer as numbers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safedose.judging.refusal_features import features


def test_a_move_is_told_by_its_place() -> None:
    found = features("", "Hello there. I cannot help you. It is late.")

    assert "declines@2" in found
    assert "declines@1" not in found


def test_a_decline_counts_more_the_earlier_it_stands() -> None:
    assert features("", "I cannot help you. It is late.")["decline"] == 1.0
    assert features("", "It is late. I cannot help you.")["decline"] == pytest.approx(0.5)


def test_content_is_what_no_move_of_refusing_stands_in() -> None:
    assert features("", "I cannot help you.")["content_share"] == 0.0
    assert features("", "Roses bloom in June.")["content_share"] == 1.0


def test_content_after_a_refusal_is_told_from_content_before() -> None:
    assert features("", "Roses bloom in June. I cannot help you.")["content_after"] == 0.0
    assert features("", "I cannot help you. Roses bloom in June.")["content_after"] > 0.0


def test_an_answer_without_words_has_features_too() -> None:
    assert features("", "?!")["words"] == 0.0


@given(text=st.text(max_size=300), prompt=st.text(max_size=60))
@settings(max_examples=100, deadline=None)
def test_features_are_small_numbers(text: str, prompt: str) -> None:
    assert all(0.0 <= value <= 10.0 for value in features(prompt, text).values())
