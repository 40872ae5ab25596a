"""How much disk a study needs, told before it begins: adapters, their checkpoints, rows and answers."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from safedose.bases import Base
from safedose.errors import InputError
from safedose.fitting import weight_shapes
from safedose.inputs import Inputs
from safedose.records import UNTUNED, Arm, Mixture
from safedose.store import StudyFolder
from safedose.store.durable import free_bytes
from safedose.study import Study, Tune

_CHECKPOINTS = 3 * 2 + 1
"""Adapters' worth of bytes beside the one in hand: two checkpoints of weights and two moments, and its own copy."""

_TOKEN_BYTES = 5
"""An English token in UTF-8, somewhat generous; Parquet packs it smaller."""


def bytes_needed(
    study: Study, inputs: Inputs, arms: Sequence[Arm], mixtures: Sequence[Mixture], bases: Sequence[Base]
) -> int:
    """Estimate from above what a whole study writes, in bytes.

    What is trained is counted in float32, adapters over all linear layers, imported ones not: they are there already;
    answers at their longest; judges by the prompt.
    """
    samples, num_prompts = study.generate.samples, sum(map(len, inputs.suites.values()))
    rows = sum(len(row.example.prompt) + len(row.example.response) for one in mixtures for row in one.rows)
    prompts = sum(len(prompt.text) for prompts in inputs.suites.values() for prompt in prompts)
    answers = samples * (prompts + num_prompts * study.generate.max_new_tokens * _TOKEN_BYTES)
    verdicts = samples * num_prompts * len(inputs.judges) * 200
    adapters = [4 * _num_trained(base, study.tune) if study.mix else 0 for base in bases]
    tuned = sum(arm.run != UNTUNED for arm in arms) / max(1, len(bases))
    if study.generate.endpoint:  # the book of requests holds every reply too
        answers *= 2
    return round(rows + len(arms) * (answers + verdicts) + sum(adapters) * tuned + _CHECKPOINTS * max(adapters))


def require_room(folder: StudyFolder, needed: int) -> None:
    """Refuse to begin what the disk cannot hold.

    Raises:
        InputError: When less is free than the study, less what is there already, still needs.
    """
    there = _bytes_in(folder.path / "arms")
    free = free_bytes(folder.path)
    if free < needed - there:
        raise InputError(
            f"the disk has room for {free:,} bytes, this study needs about {needed - there:,} more",
            where=str(folder.path), cause="the disk is nearly full, or the design is large",
            fix=f"free {needed - there - free:,} bytes, move the study to another disk, or drop arms",
        )  # fmt: skip


def _bytes_in(folder: Path) -> int:
    """Add up files, but for those that go away meanwhile: another process may have begun to work on the study."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += Path(place, name).stat().st_size
    return total


def _num_trained(base: Base, settings: Tune) -> int:
    """Count the numbers that are trained: all of the base, or a LoRA of every matrix but embeddings and head."""
    shapes = weight_shapes(base)
    if settings.method == "full":
        return sum(map(math.prod, shapes.values()))
    outside = ("embed", "lm_head", "wte", "wpe")
    adapted = [shape for name, shape in shapes.items() if not any(part in name for part in outside) and len(shape) == 2]
    return settings.lora_rank * sum(map(sum, adapted))
