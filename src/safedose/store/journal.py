"""The journal of a unit in progress: finished parts are kept, so that a stop repeats at most the part in hand.

One JSON line per part, with its own hash. A line reaches the system at once, which survives a kill of the
process, and the disk at least every second, which bounds what a power cut can take. It goes when the unit is
committed.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, final

from safedose.codec import from_json, to_json
from safedose.store.durable import digest, explaining, parse_json
from safedose.store.unit import Unit

Part = TypeVar("Part")
Record = TypeVar("Record")

_FLUSH_SECONDS = 1.0


def in_parts(
    unit: Unit, parts: Sequence[Part], do: Callable[[int, Part], list[Record]],
    *, kind: Callable[..., Record], done: Callable[[Part], None],
) -> list[Record]:  # fmt: skip
    """Do the parts of a unit in order, each once, whatever stops happen in between.

    Args:
        unit: What the parts make up; what was journaled for another key is forgotten.
        parts: What to do, as it was planned.
        do: Does part number i and gives its records.
        kind: What those records are.
        done: Called after each part, also for those that an earlier run did.

    Returns:
        All records, in the order of the parts.
    """
    journal = _Journal(unit.journal, unit.key)
    records: list[Record] = []
    for number, part in enumerate(parts):
        kept = journal.parts.get(number)
        if kept is None:
            made = do(number, part)
            journal.add(number, [to_json(record) for record in made])
        else:
            made = [from_json(value, kind) for value in kept]
        records += made
        done(part)
    return records


@final
class _Journal:
    """The finished parts of one unit; `parts` holds those that an earlier run left whole."""

    def __init__(self, path: Path, key: str) -> None:
        self._path, self._key = path, key
        self.parts: dict[int, Any] = {}
        self._flushed = time.monotonic()
        self._written = self._read()

    def _read(self) -> int:
        """Take in whole lines of this unit, up to the first that is not; gives the bytes they fill."""
        size = 0
        for line in self._path.read_bytes().split(b"\n")[:-1] if self._path.is_file() else ():
            entry = parse_json(line)
            check = entry.pop("check", None)
            if check is None or entry.get("key") != self._key or digest(entry) != check:
                break
            self.parts[entry["part"]] = entry["records"]
            size += len(line) + 1
        return size

    def add(self, number: int, records: Any) -> None:
        entry = {"key": self._key, "part": number, "records": records}
        line = json.dumps(entry | {"check": digest(entry)}, ensure_ascii=False).encode() + b"\n"
        with explaining(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("r+b" if self._path.is_file() else "wb") as stream:
                stream.truncate(self._written)  # a torn tail, or another key's lines
                stream.seek(self._written)
                stream.write(line)
                stream.flush()
                if time.monotonic() - self._flushed > _FLUSH_SECONDS:
                    os.fsync(stream.fileno())
                    self._flushed = time.monotonic()
        self._written += len(line)
