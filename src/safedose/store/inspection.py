"""Looking at what was written without touching it: bytes against manifests, manifests against the ledger.

Works while another process writes: what looks damaged counts only if its manifest is still the same afterwards, and
what has no manifest is missing, not damaged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from safedose.store.durable import digest, hash_files
from safedose.store.ledger import DamagedLedgerError, read_ledger
from safedose.store.outputs import Outputs
from safedose.store.unit import MANIFEST, Unit
from safedose.store.writer import LEDGER

DISTRUST = "is a manifest whose bytes were changed"


@dataclass(frozen=True, slots=True)
class Damage:
    """One file that is not what was written.

    Attributes:
        path: Where, relative to the study.
        problem: What is wrong, as the end of a sentence that begins with the path.
    """

    path: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was found of one unit, output or other file.

    Attributes:
        kind: What it is, as a person would call a number of them.
        path: Where, relative to the study.
        num_bytes: What was written, in bytes.
        missing: Whether it was not made yet.
        damage: What is wrong with its files; empty when all is sound.
        content: Hash of a unit's committed bytes; empty for anything else.
        version: Tells a unit's manifest from one written earlier or later; None for anything else.
    """

    kind: str
    path: str
    num_bytes: int = 0
    missing: bool = False
    damage: tuple[Damage, ...] = ()
    content: str = ""
    version: tuple[int, ...] | None = None


def look_at_unit(kind: str, path: str, unit: Unit) -> Look:
    """Compare a unit with its manifest; look again if it was made again meanwhile."""
    look = Look(kind=kind, path=path)
    while (version := _version(unit.manifest_path)) is not None:
        manifest = unit.manifest()
        damage = tuple(_differences(path, unit, manifest)) if manifest else (Damage(path + MANIFEST, DISTRUST),)
        if not damage or _version(unit.manifest_path) == version:
            files = manifest.get("files", {})
            size = sum(entry["size"] for entry in files.values())
            return replace(look, num_bytes=size, damage=damage, content=digest(files) if files else "", version=version)
    return replace(look, missing=True)


def look_at_output(kind: str, name: str, outputs: Outputs, entry: Mapping[str, Any] | None) -> Look:
    """Compare an output with its entry in the list, or None; look again if it was made again meanwhile."""
    look = Look(kind=kind, path=name)
    while entry is not None:
        try:
            found = next(iter(hash_files(outputs.root / name).values()), None)
            damage = () if found == entry else (Damage(name, _problem(entry, found)),)
        except OSError as error:
            damage = (_unreadable(name, error),)
        again = (outputs.listed() or {}).get(name) if damage else entry
        if again == entry:
            return replace(look, num_bytes=entry["size"], damage=damage)
        entry = again
    return replace(look, missing=True)


def hold_against_ledger(root: Path, looks: Sequence[Look]) -> list[Look]:
    """Find units that were replaced together with their manifest, and follow the ledger's chain.

    A row is written before its manifest, so the ledger's last word on a unit is its manifest's, wherever a kill fell.

    Returns:
        The looks, and one more at the ledger, if there is one: a study that was imported and not judged has none.
    """
    path = root / LEDGER
    if not path.is_file():
        return list(looks)
    ledger = Look(kind="ledger", path=LEDGER, num_bytes=path.stat().st_size)
    try:
        last = {row.unit: row.detail.get("content") for row in read_ledger(path) if row.event == "committed"}
    except DamagedLedgerError as error:
        return [*looks, replace(ledger, damage=(Damage(LEDGER, f"is damaged: {error.problem}"),))]
    found = []
    for look in looks:
        replaced = look.content and not look.damage and last.get(look.path, look.content) != look.content
        if replaced and _version(root / (look.path + MANIFEST)) == look.version:
            found.append(replace(look, damage=(Damage(look.path, "is not what the ledger says was committed"),)))
        else:
            found.append(look)
    return [*found, ledger]


def _differences(path: str, unit: Unit, manifest: Mapping[str, Any]) -> Iterator[Damage]:
    written = manifest["files"]
    alone = list(written) == [unit.path.name]  # a file, not a folder
    try:
        found = unit.files()
    except OSError as error:
        yield _unreadable(path, error)
        return
    for name in sorted(written.keys() | found.keys()):
        if written.get(name) != found.get(name):
            yield Damage(path if alone else f"{path}/{name}", _problem(written.get(name), found.get(name)))


def _problem(written: Mapping[str, Any] | None, found: Mapping[str, Any] | None) -> str:
    if written is None:
        return "was added"
    if found is None:
        return "is gone"
    if found["size"] != written["size"]:
        return f"has {found['size']:,} bytes in place of {written['size']:,}"
    return f"has other bytes than the {written['size']:,} that were written"


def _unreadable(path: str, error: OSError) -> Damage:
    return Damage(path, f"cannot be read: {error.strerror}")


def _version(path: Path) -> tuple[int, ...] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
