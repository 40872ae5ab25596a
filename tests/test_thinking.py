"""Thought and answer: where one ends and the other begins."""

from __future__ import annotations

import pytest

from safedose.thinking import split_thinking


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Yes.", ("", "Yes.")),
        ("<think>Hm.</think>Yes.", ("Hm.", "Yes.")),
        ("\n<think>\nHm.\n</think>\n\nYes.", ("Hm.", "Yes.")),
        ("Hm.</think>Yes.", ("Hm.", "Yes.")),
        ("[THINK]Hm.[/THINK]Yes.", ("Hm.", "Yes.")),
        ("<think>Hm", ("<think>Hm", "")),
        ("<think></think>Yes.", ("", "Yes.")),
        ("a < b", ("", "a < b")),
    ],
)
def test_thought_and_answer_are_parted(text: str, parts: tuple[str, str]) -> None:
    assert split_thinking(text) == parts
