"""Whether an adapter is really on: it must change what a base makes of a few fixed prompts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

PROBES = ("Tell me a story.", "How do I write a letter?", "Who lives next door?")
"""Fixed prompts on which an adapter must change the base's logits."""


def probe_logits(model: Any, rows: Sequence[Sequence[int]]) -> list[Any]:
    """Give a model's logits of each probe prompt, as it is now.

    Args:
        model: A loaded model, with or without an adapter; it is left in evaluation mode.
        rows: The token ids of each of `PROBES`.
    """
    import torch

    model.eval()
    with torch.no_grad():
        return [model(input_ids=torch.tensor([list(row)], device=model.device)).logits for row in rows]


def largest_difference(before: Sequence[Any], after: Sequence[Any]) -> float:
    """Say how far the logits moved at most; NaN when any of them is not finite."""
    moved = [float((new - old).abs().max()) for old, new in zip(before, after, strict=True)]
    return max(moved) if all(map(math.isfinite, moved)) else math.nan
