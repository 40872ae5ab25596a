"""Which bytes of the catalogue's files a study began with: noted in its lock, held against what is here now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from safedose.data.places import Pin
from safedose.errors import InputError
from safedose.hub import is_hub_id
from safedose.store import StudyFolder


def check_pins(folder: StudyFolder, pins: Sequence[Pin]) -> None:
    """Refuse data that changed since a study began; what it did not use yet may be anything.

    Raises:
        InputError: When a source has other bytes than the lock notes.
    """
    noted = _noted(folder)
    for pin in pins:
        before = noted.get(pin.id, {}).get("sha256", pin.sha256)
        if before != pin.sha256:
            name = pin.id.partition(" ")[0]  # of a data set of the Hub the files follow
            exact = f"{name.partition('@')[0]}@{pin.revision}" if is_hub_id(name) else name
            raise InputError(
                f"the files of {pin.id!r} changed since this study began: sha256 {before[:12]}... then, "
                f"{pin.sha256[:12]}... now",
                where=str(folder.path / "lock.json"),
                cause="another version was fetched or copied, or a file was damaged",
                fix=f"put the old file back (`safedose data check {exact}` shows where it lies), or begin a sibling "
                f"study: `safedose fork {folder.path} NEW_FOLDER`",
            )  # fmt: skip


def pinned(folder: StudyFolder, pins: Sequence[Pin]) -> dict[str, dict[str, Any]]:
    """Give what the lock is to note: revision, hash and whether the catalogue knows it, per source ever used."""
    now = {pin.id: {name: value for name, value in asdict(pin).items() if name != "id"} for pin in pins}
    return _noted(folder) | now


def _noted(folder: StudyFolder) -> dict[str, dict[str, Any]]:
    """Read what the lock notes; entries that are none count as not there."""
    data = folder.lock().get("data")
    entries = data.items() if isinstance(data, dict) else ()
    return {name: entry for name, entry in entries if isinstance(entry, dict) and isinstance(entry.get("sha256"), str)}
