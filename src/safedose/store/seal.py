"""The sealed plan: what a study is made of, its arms, and which prompts share a batch, fixed before any work.

A study may grow (doses, formats, strategies, seeds, suites, bases) and be read anew (judges, criteria); what
made the work that is there may not change, or its parts could not be compared.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safedose.codec import from_json, to_json
from safedose.errors import InputError
from safedose.records import Arm

Batches = tuple[tuple[int, ...], ...]
"""Positions of prompts in their suite, batch by batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """What was decided before the first unit of work.

    Attributes:
        made_of: Everything that decides the bytes of units, as flat settings and hashes: name to value.
        arms: The arms, in the order of work.
        batches: Per (base, suite): the batches its prompts are generated in, in order.
    """

    made_of: Mapping[str, Any]
    arms: tuple[Arm, ...]
    batches: Mapping[tuple[str, str], Batches]


def to_lines(seal: Seal) -> str:
    """Write a sealed plan as JSON lines: one for what it is made of, one per arm, one per base and suite."""
    lines: list[dict[str, Any]] = [{"kind": "made_of", "values": dict(seal.made_of)}]
    lines += [{"kind": "arm", **to_json(arm)} for arm in seal.arms]
    lines += [
        {"kind": "batches", "base": base, "suite": suite, "batches": batches}
        for (base, suite), batches in seal.batches.items()
    ]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def from_lines(text: str) -> Seal:
    """Read what `to_lines` wrote; raises ValueError, TypeError or KeyError for anything else."""
    lines = [json.loads(line) for line in text.split("\n")[:-1]]
    by_kind: dict[str, list[dict[str, Any]]] = {"made_of": [], "arm": [], "batches": []}
    for line in lines:
        by_kind[line.pop("kind")].append(line)
    return Seal(
        made_of=by_kind["made_of"][0]["values"],
        arms=tuple(from_json(line, Arm) for line in by_kind["arm"]),
        batches={(line["base"], line["suite"]): _batches(line["batches"]) for line in by_kind["batches"]},
    )


def grow(before: Seal | None, now: Seal, *, folder: Path) -> Seal:
    """Seal a plan over an earlier one of the same study; what was sealed before stays as it was.

    Args:
        before: What was sealed; None the first time.
        now: What the study file asks for.
        folder: The study's folder, for the message.

    Raises:
        InputError: When something that made finished work has changed, with every difference.
    """
    if before is None:
        return now
    changed = [name for name, value in before.made_of.items() if name in now.made_of and now.made_of[name] != value]
    if changed:
        shown = [f"{name}: {_show(before.made_of[name])} -> {_show(now.made_of[name])}" for name in changed]
        raise InputError(
            f"this study was begun with other inputs: {'; '.join(shown)}", where=str(folder),
            cause="study file, data, base or --set changed, or another version of safedose began it: old and new "
            "work could not be compared",
            fix="put it back to go on; or start a sibling study that keeps what still fits: "
            f"`safedose fork {folder} NEW_FOLDER`, change NEW_FOLDER/study.yaml and run that",
        )  # fmt: skip
    return Seal(
        made_of={**before.made_of, **now.made_of},
        arms=now.arms,
        batches={cell: before.batches.get(cell, batches) for cell, batches in now.batches.items()},
    )


def _batches(lists: Sequence[Sequence[int]]) -> Batches:
    return tuple(tuple(batch) for batch in lists)


def _show(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return f"{text[:13]}..." if len(text) > 60 else text  # a hash says enough by its beginning
