"""What produced a study: code, packages, data and licences, hardware. Recorded, never part of a key."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
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
    counts = count_licences(examples)
    return tuple((f"data: {source}", f"{count} rows, {licence}") for (source, licence), count in counts.items())


def count_licences(examples: Iterable[Example]) -> dict[tuple[str, str], int]:
    """Count rows by (source, licence), in the order of their first row."""
    counts: dict[tuple[str, str], int] = {}
    for example in examples:
        key = (example.source, example.licence)
        counts[key] = counts.get(key, 0) + 1
    return counts


def forbids_commerce(licence: str) -> bool:
    """Say whether a licence, as its publisher names it, allows non-commercial use only; no legal advice."""
    return bool(re.search(r"\bNC\b|non-?commercial", licence, re.IGNORECASE))


@cache
def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
