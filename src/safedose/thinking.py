"""Thought and answer: what a reasoning model writes before it speaks is no part of what it says."""

from __future__ import annotations

import re

_THINKING = re.compile(r"\s*(?:<(think|thinking)>|\[THINK\])?(.*?)(?:</(?:think|thinking)>|\[/THINK\])\s*", re.DOTALL)
_UNENDED = re.compile(r"\s*(?:<(?:think|thinking)>|\[THINK\])")


def split_thinking(text: str) -> tuple[str, str]:
    """Part what a model thought from what it answered.

    Marks are `<think>`, `<thinking>` (Qwen, DeepSeek and many after them) and `[THINK]` (Mistral) at the start; the
    opening one may be missing, since some templates write it in front of the answer.

    Returns:
        Thought and answer; where thinking never ends, all is thought and the answer is empty.
    """
    if found := _THINKING.match(text):
        return found[2].strip(), text[found.end() :]
    return (text.strip(), "") if _UNENDED.match(text) else ("", text)
