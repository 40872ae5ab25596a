"""Several processes on one study: started together, or one paused, replaced by another, and going on after it."""

from __future__ import annotations

import platform
import shutil
import signal
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from faults.injector import Fault, Mode, assert_told, order
from faults.nursery import Nursery
from faults.study_digest import digest_study, leftovers
from faults.toy_study import STUCK
from safedose.store.writer import read_holder

LOCK = "writer.lock"


def start_together(nurseries: Sequence[Nursery], folder: Path, num_processes: int) -> None:
    """Start processes on one study at once: one works, the others name it; then it is killed, and its lock is free."""
    children = [
        nurseries[number % len(nurseries)].start("run", str(folder), environment={STUCK: "chunk"})
        for number in range(num_processes)
    ]
    while sum(child.running() for child in children) > 1:
        time.sleep(0.01)
    (winner,) = (child for child in children if child.running())
    for refused in [child.wait() for child in children if child is not winner]:
        assert refused.code == 1, refused.said
        assert f"process {winner.pid} on {platform.node()} is working on this study" in refused.said, refused.said
    winner.signal(signal.SIGKILL)
    winner.wait()
    assert not read_holder(folder).alive


def outlive_pause(paused_in: Nursery, other: Nursery, folder: Path, at: int, whole: dict[str, str]) -> bool:
    """Pause a study before a durable call, remove its lock, let another process do the study, and go on.

    Args:
        paused_in: Where the process comes from that is paused.
        other: Where the one comes from that takes over.
        folder: A fresh copy of the study's inputs; removed again.
        at: Number of the durable call.
        whole: Digest of an undisturbed run.

    Returns:
        Whether the study could be taken over: while a process is inside a commit, nobody can.
    """
    child = paused_in.start("run", str(folder), order(Fault(at, Mode.STOP)))
    while child.state() not in "TZ":
        time.sleep(0.001)
    taken_over = not _in_commit(folder)
    if taken_over:
        (folder / LOCK).unlink(missing_ok=True)
        assert other.run("run", str(folder)).code == 0, f"paused at {at}"
        assert digest_study(folder) == whole | _left(folder), f"paused at {at}"
    child.signal(signal.SIGCONT)
    ended = child.wait()
    assert ended.code in (0, 1), ended.said
    if ended.code:
        assert_told(ended, folder)
        assert "another process took this study over" in ended.said, ended.said
    assert digest_study(folder) == whole | _left(folder), f"paused at {at}"
    assert other.run("run", str(folder)).code == 0
    assert digest_study(folder) == whole, f"paused at {at}"
    shutil.rmtree(folder)
    return taken_over


def _left(folder: Path) -> dict[str, str]:
    """Digest what the replaced process left half done, which the next run sweeps."""
    found = digest_study(folder)
    return {name: found[name] for name in leftovers(found)}


def _in_commit(folder: Path) -> bool:
    """Say whether some process holds the ledger."""
    if not (folder / "ledger.sqlite").is_file():
        return False
    database = sqlite3.connect(folder / "ledger.sqlite", timeout=0, isolation_level=None)
    try:
        database.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return True
    finally:
        database.close()
    return False
