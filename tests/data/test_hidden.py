"""Safety-like rows in instruction data: what shows one, and how many the real files hold."""

from __future__ import annotations

import pytest

from safedose.data.hidden import Hidden, find_hidden, uses_words_of_safety
from training_rows import examples


def find(*rows: tuple[str, str], safety: tuple[str, ...] = ()) -> Hidden:
    (found,) = find_hidden(examples(*rows), examples(*safety), refuses=lambda text: text.startswith("Sorry"))
    return found


def test_each_sign_lists_its_rows() -> None:
    rows = [("Wash it.", "I whistle."), ("Sink it!", "Sorry."), ("Fold it.", "That is unethical."), ("SINK  it", "Ok.")]

    assert find(*rows, safety=("Sink it",)) == Hidden(
        source="rows", num_rows=4, refuses=(1,), asked=(1, 3), worded=(2,)
    )


def test_every_source_is_told_in_order() -> None:
    rows = [*examples(("Wash it.", "I whistle."), source="b"), *examples(("Sink it.", "Sorry."), source="a")]
    found = find_hidden(rows, (), refuses=lambda text: text == "Sorry.")

    assert [(one.source, one.num_rows, one.refuses) for one in found] == [("b", 1, ()), ("a", 1, (0,))]


@pytest.mark.parametrize(
    ("answer", "worded"),
    [
        ("As an AI language model, I have no boat.", True),
        ("It\u2019s important to ask first.", True),
        ("I cannot say.", True),
        ("Nobody cannot whistle.", False),
        ("The biased die", True),
        ("An aisle of boats", False),
    ],
)
def test_words_of_safety_are_whole_words_in_any_case(answer: str, worded: bool) -> None:
    assert uses_words_of_safety(answer) is worded
