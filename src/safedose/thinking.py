"""Thought and answer: what a reasoning model writes before it speaks is no part of what it says."""

from __future__ import annotations

import re

_OPENING = re.compile(r"\s*(?:<(?:think|thinking)>|\[THINK\])")
_CLOSING = re.compile(r"(?:</(?:think|thinking)>|\[/THINK\])\s*")


def opens_thinking(prompt: str) -> bool:
    """Say whether a prompt ends with an opening mark, so that the answer begins inside a thought."""
    return bool(re.search(rf"(?:{_OPENING.pattern})\s*\Z", prompt))


def split_thinking(text: str, *, opened: bool = False) -> tuple[str, str]:
    """Part what a model thought from what it answered.

    Marks are `<think>`, `<thinking>` (Qwen, DeepSeek and many after them) and `[THINK]` (Mistral). A thought stands at
    the start and is opened there: a closing mark alone hides nothing from a judge.

    Args:
        text: What a model wrote.
        opened: Whether the prompt opened the thought already, as some templates do.

    Returns:
        Thought and answer; where thinking never ends, all is thought and the answer is empty.
    """
    opening = _OPENING.match(text)
    if not opening and not opened:
        return "", text
    start = opening.end() if opening else 0
    closing = _CLOSING.search(text, start)
    if not closing:
        return text[start:].strip(), ""
    return text[start : closing.start()].strip(), text[closing.end() :]
