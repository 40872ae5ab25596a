"""Training rows and prompts made for a test, numbered by their place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from safedose.records import Example, Prompt


def examples(*rows: str | tuple[str, str], source: str = "rows", **given: Any) -> list[Example]:
    """Make a row per text, or per pair of prompt and response."""
    pairs = [row if isinstance(row, tuple) else (row, "Yes.") for row in rows]
    return [
        Example(
            item=f"{source}#{k}", prompt=prompt, response=response, source=source, row=k, licence="", category="",
            form="instruction", **given,
        )
        for k, (prompt, response) in enumerate(pairs)
    ]  # fmt: skip


def prompts(texts: Sequence[str], suite: str = "suite", **given: Any) -> list[Prompt]:
    """Make a prompt per text."""
    return [Prompt(id=str(k), suite=suite, text=text, expected="either", **given) for k, text in enumerate(texts)]
