"""The oracle of every fault test: two studies are the same when all their artefacts are, byte for byte."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path

VOLATILE = frozenset({"ledger.sqlite", "ledger.sqlite-journal", "writer.lock", "log.jsonl", "lock.json"})
"""What tells of runs, not of results: who worked when, on which machine. All else must be the same."""

LEFTOVERS = (".partial", ".journal", ".corrupt", "checkpoints")
"""Parts of names that a finished study has no more."""

_MADE = re.compile(rb'<section aria-labelledby="made">.*?</section>', re.DOTALL)


def digest_study(folder: Path) -> dict[str, str]:
    """Hash every file of a study that is not volatile; of the report, all but how and in what time it was made.

    Returns:
        The sha256 per file name relative to the study, empty for a folder: comparing two of them names what differs.
    """
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    return {name: _hash(folder / name) for name in names if name not in VOLATILE}


def leftovers(names: Iterable[str]) -> list[str]:
    """List the files and folders that a finished study should not have."""
    return [name for name in names if any(part in name for part in LEFTOVERS)]


def _hash(path: Path) -> str:
    return "" if path.is_dir() else hashlib.sha256(_lasting(path)).hexdigest()


def _lasting(file: Path) -> bytes:
    """Give the bytes of a file that are the same in every run: the report says how long it took."""
    content = file.read_bytes()
    if file.name == "outputs.manifest.json":
        return json.dumps(json.loads(content)["files"] | {"report.html": None}).encode()
    if file.name == "report.html":
        content, num_sections = _MADE.subn(b"", content)
        assert num_sections == 1, "the report has no section on how it was made: what is volatile in it is unknown"
    return content
