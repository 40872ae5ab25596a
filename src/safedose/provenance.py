"""What produced a study: code, packages, data and licences, hardware. Recorded, never part of a key."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Iterable
from functools import cache

import safedose
from safedose.records import Example

PACKAGES = ("torch", "transformers", "peft", "trl", "datasets", "accelerate", "numpy", "scipy", "pyarrow")


def describe_machine() -> tuple[tuple[str, str], ...]:
    """List code, packages and hardware as (label, value) pairs."""
    packages = ", ".join(f"{name} {_version(name)}" for name in PACKAGES)
    return (
        ("safedose", safedose.__version__),
        ("Python", platform.python_version()),
        ("packages", packages),
        ("machine", f"{platform.system()} {platform.machine()}, {len(os.sched_getaffinity(0))} cores"),
    )


def describe_data(examples: Iterable[Example]) -> tuple[tuple[str, str], ...]:
    """List every training source with the number of rows available and its licence."""
    counts: dict[tuple[str, str], int] = {}
    for example in examples:
        key = (example.source, example.licence)
        counts[key] = counts.get(key, 0) + 1
    return tuple((f"data: {source}", f"{count} rows, {licence}") for (source, licence), count in counts.items())


@cache
def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
