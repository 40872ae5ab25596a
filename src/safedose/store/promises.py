"""Whether a disk keeps the promises the store builds on, found out by trying: in a folder that is removed again."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from safedose.store.durable import replacing, write_text
from safedose.store.ledger import Ledger, read_ledger

SCRATCH = ".doctor-"
"""Beginning of the name of the folder in which all is tried."""

NETWORK = ("nfs", "cifs", "smb", "9p", "afs", "ceph", "lustre", "gpfs", "beegfs", "glusterfs", "fuse.")
"""Beginnings of the kinds of file systems whose locks and flushes depend on another machine or program."""

_TAKEN = 3
_TRY_LOCK = f"""
import fcntl, sys
try:
    fcntl.flock(open(sys.argv[1]), fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    sys.exit({_TAKEN})
"""


@contextmanager
def trial_folder(folder: Path) -> Iterator[Path]:
    """Give a folder on the same disk to try things in; it is removed at the end."""
    with TemporaryDirectory(prefix=SCRATCH, dir=folder, ignore_cleanup_errors=True) as name:
        yield Path(name)


def try_replacing(folder: Path) -> None:
    """Write, flush and rename a file over another, and a folder over another.

    Raises:
        SafedoseError: For what the system refuses.
        OSError: When what was written is not read back.
    """
    for text in ("old", "new"):
        write_text(folder / "file", text)
        with replacing(folder / "unit") as unit:
            unit.mkdir()
            (unit / "file").write_text(text, encoding="utf-8")
    if [(folder / name).read_text(encoding="utf-8") for name in ("file", "unit/file")] != ["new", "new"]:
        raise OSError("what was renamed is not what is read")


def try_lock(folder: Path) -> bool:
    """Say whether a lock that this process holds keeps another process out.

    Raises:
        OSError: When the disk knows no locks, or no process can be started.
    """
    file = folder / "lock"
    handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        command = [sys.executable, "-I", "-S", "-c", _TRY_LOCK, str(file)]
        return subprocess.run(command, check=False, capture_output=True).returncode == _TAKEN  # noqa: S603 - our words
    finally:
        os.close(handle)


def try_ledger(folder: Path) -> None:
    """Write a ledger of one row and read it back.

    Raises:
        RunError: When that does not work.
    """
    ledger = Ledger(folder / "ledger.sqlite")
    with ledger.alone():
        ledger.append("tried", epoch=1)
    ledger.close()
    read_ledger(folder / "ledger.sqlite")


def find_mount(folder: Path, mounts: str) -> tuple[str, str]:
    """Find the mount a folder lies on.

    Args:
        folder: An absolute path without links.
        mounts: What `/proc/mounts` says.

    Returns:
        Its place and its kind, such as `nfs4`; the last one mounted where several share a place; `/` and "" if unknown.
    """
    found = ("/", "")
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) > 2:
            place = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[1])
            if folder.is_relative_to(place) and len(place) >= len(found[0]):
                found = (place, fields[2])
    return found


def is_network(kind: str) -> bool:
    """Say whether a kind of file system lies on another machine, or is run by a program of its own."""
    return kind.startswith(NETWORK)
