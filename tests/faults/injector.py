"""Faults at every durable call: the N-th one kills, tears, or is refused, for N = 1, 2, 3 ... (SQLite's method).

After each fault the study runs again undisturbed in the same folder, and must end in the same bytes.
"""

from __future__ import annotations

import enum
import errno
import itertools
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from faults.nursery import Ended, Nursery
from faults.study_digest import digest_study
from safedose.progress import Watch
from safedose.verification import verify

IN_VAIN = "in vain"
"""What the shim adds to its trace after a call that failed by itself."""

CLEAN = (0, 1, 2)
"""Exit codes of a command that was not killed: done, failed, or refused to begin."""


class Mode(enum.IntEnum):
    """What happens at the call; the numbers are the shim's."""

    COUNT = 0
    KILL = 1
    TORN = 2
    FAIL = 3
    FAIL_ON = 4
    SHORT = 5
    STOP = 6


@dataclass(frozen=True, slots=True)
class Call:
    """One durable call of an undisturbed run.

    Attributes:
        number: Which call it is, from 1.
        name: What it does.
        path: To which path under the study.
        in_vain: Whether it changed nothing, such as making a folder that is there.
    """

    number: int
    name: str
    path: str
    in_vain: bool

    @property
    def takes_room(self) -> bool:
        """Say whether a full disk can refuse it."""
        return self.name not in ("unlink", "rmdir", "ftruncate")


@dataclass(frozen=True, slots=True)
class Fault:
    """What to do at which call."""

    at: int
    mode: Mode
    error: int = 0

    @property
    def kills(self) -> bool:
        return self.mode in (Mode.KILL, Mode.TORN)

    def __str__(self) -> str:
        told = errno.errorcode.get(self.error, "")
        return f"{self.mode.name} {told} at call {self.at}"


def compile_shim(folder: Path) -> Path | None:
    """Compile the shim into a folder; None where there is no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    shim, source = folder / "shim.so", Path(__file__).with_name("shim.c")
    folder.mkdir(parents=True, exist_ok=True)
    command = [compiler, "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", shim, source, "-ldl"]
    subprocess.run(command, check=True)
    return shim


def order(fault: Fault, trace: Path | None = None) -> dict[str, Any]:
    """Put a fault into words that `jobs.run` understands."""
    return {"at": fault.at, "mode": int(fault.mode), "error": fault.error, "trace": str(trace) if trace else ""}


def trace_calls(nursery: Nursery, folder: Path, trace: Path) -> list[Call]:
    """Run a study undisturbed and list its durable calls in order."""
    ended = nursery.run("run", str(folder), order(Fault(0, Mode.COUNT), trace))
    assert ended.code == 0, ended.said
    calls: list[Call] = []
    for line in trace.read_text(encoding="utf-8").splitlines():
        if line == IN_VAIN:
            calls[-1] = replace(calls[-1], in_vain=True)
        else:
            name, path = line.split(" ", 1)
            calls.append(Call(len(calls) + 1, name, path, in_vain=False))
    return calls


def telling(calls: Sequence[Call]) -> list[Call]:
    """Of each run of writes that no reader can tell apart keep first, middle and last.

    Nobody reads a temporary file, and SQLite no rollback journal until its head is written anew, as its last write.
    """
    kept: list[Call] = []
    for _, run in itertools.groupby(calls, key=_target):
        same = list(run)
        kept += [same[number] for number in sorted({0, len(same) // 2, len(same) - 1})]
    return kept


def _target(call: Call) -> object:
    unread = ".partial" in call.path or call.path.endswith("-journal")
    return (call.name, call.path) if "write" in call.name and unread else call


def told_apart(calls: Sequence[Call], kept: Sequence[Call]) -> list[Call]:
    """Of the kept calls leave out those before which a kill finds what it would have found one call earlier."""
    changed = {call.number + 1 for call in calls if not call.in_vain and "sync" not in call.name}
    return [call for call in kept if call.number == 1 or call.number in changed]


def faults_at(calls: Sequence[Call], mode: Mode, error: int = 0) -> list[Fault]:
    """List the faults of a mode that mean something: a full disk refuses what takes room, only a write can be torn."""
    meant = {
        (Mode.KILL, 0): lambda _: True,
        (Mode.TORN, 0): lambda call: "write" in call.name,
        (Mode.SHORT, 0): lambda call: "write" in call.name,
        (Mode.FAIL, errno.ENOSPC): lambda call: call.takes_room,
        (Mode.FAIL_ON, errno.ENOSPC): lambda call: call.takes_room,
        (Mode.FAIL, errno.EIO): lambda _: True,
        (Mode.FAIL, errno.EMFILE): lambda call: call.name == "open",
    }[mode, error]
    return [Fault(call.number, mode, error) for call in calls if meant(call)]


def survive(nursery: Nursery, folder: Path, fault: Fault, whole: dict[str, str]) -> Ended:
    """Run a study with a fault, then without; check what it says and leaves after either.

    Args:
        nursery: Where processes come from.
        folder: A fresh copy of the study's inputs; removed again.
        fault: What to do at which call.
        whole: Digest of an undisturbed run.

    Returns:
        How the faulted run ended.
    """
    faulted = nursery.run("run", str(folder), order(fault))
    check_ending(faulted, fault, folder)
    assert damaged_units(folder) == [], f"{fault} left damaged units"
    again = nursery.run("run", str(folder))
    assert again.code == 0, f"after {fault}: {again.said}"
    assert digest_study(folder) == whole, f"after {fault}"
    shutil.rmtree(folder)
    return faulted


def check_ending(ended: Ended, fault: Fault, folder: Path) -> None:
    """A kill kills; any other fault is lived through, or told in four parts that name a path of the study."""
    if fault.kills:
        assert ended.code in (-9, 0), f"{fault}: {ended}"
        return
    assert ended.code in CLEAN, f"{fault}: {ended.code}\n{ended.said}"
    if ended.code:
        assert_told(ended, folder)


def assert_told(ended: Ended, path: Path) -> None:
    """Require that a command that failed ended with an error in four parts that names a path, and no traceback."""
    assert "Traceback" not in ended.said, ended.said
    error = ended.said[ended.said.index("error: ") :]
    assert all(f"\n  {part}:" in error for part in ("where", "cause", "fix")), error
    assert str(path) in error, f"names no path: {error}"


def damaged_units(folder: Path) -> list[str]:
    """List what `safedose verify` calls damaged."""
    return [damage.path for damage in verify(folder, Watch(quiet=True)).damaged]
