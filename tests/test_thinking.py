"""Thought and answer: where one ends and the other begins."""

from __future__ import annotations

import pytest

from safedose.thinking import opens_thinking, split_thinking


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Yes.", ("", "Yes.")),
        ("<think>Hm.</think>Yes.", ("Hm.", "Yes.")),
        ("\n<think>\nHm.\n</think>\n\nYes.", ("Hm.", "Yes.")),
        ("Hm.</think>Yes.", ("", "Hm.</think>Yes.")),
        ("[THINK]Hm.[/THINK]Yes.", ("Hm.", "Yes.")),
        ("<think>Hm", ("Hm", "")),
        ("<think></think>Yes.", ("", "Yes.")),
        ("a < b", ("", "a < b")),
    ],
)
def test_thought_and_answer_are_parted(text: str, parts: tuple[str, str]) -> None:
    assert split_thinking(text) == parts


@pytest.mark.parametrize(
    ("text", "parts"),
    [("Hm.</think>Yes.", ("Hm.", "Yes.")), ("Hm", ("Hm", "")), ("<think>Hm.</think>Yes.", ("Hm.", "Yes."))],
)
def test_thought_that_the_prompt_opened_needs_no_opening_mark(text: str, parts: tuple[str, str]) -> None:
    assert split_thinking(text, opened=True) == parts


@pytest.mark.parametrize(
    ("prompt", "opens"),
    [
        ("<|assistant|><think>\n", True),
        ("<|assistant|>[THINK]", True),
        ("<think>\n\n</think>\n\n", False),
        ("Hi", False),
    ],
)
def test_prompt_that_ends_with_an_opening_mark_opens_a_thought(prompt: str, opens: bool) -> None:
    assert opens_thinking(prompt) == opens
