"""What a forked child does: the command `safedose run`, with scripted engines and perhaps a fault."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from faults.toy_study import ENGINES, SMALL, make_toy, write_inputs
from safedose import cli, commands
from safedose.progress import Watch

NOBODY = 65534
NOT_ALLOWED = 77
"""Exit code of a job that needs mounts of its own where the system grants none."""

_CLONE_NEWNS, _CLONE_NEWUSER = 0x00020000, 0x10000000
_MS_RDONLY, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18


def _toy(file: Path) -> None:
    """Run a toy study; an own verb of these tests, so that everything around it is the command line's."""
    commands.run(file, [], Watch(), ENGINES)


def warm_up(inputs: Path) -> None:
    """Write the inputs of toy studies and run one, so that all is imported and cached that a child would need.

    The study has no chart: drawing starts a thread, and threads do not survive a fork.
    """
    cli.app.command("toy")(_toy)  # here, in the nursery: elsewhere it would be a command of the product
    write_inputs(inputs)
    with tempfile.TemporaryDirectory() as folder:
        toy = make_toy(inputs, Path(folder) / "toy", SMALL)
        commands.run(toy / "study.yaml", [], Watch(quiet=True), ENGINES)


def warm_up_training() -> None:
    """Import what real training needs; nothing is trained here, since that starts threads."""
    import datasets  # noqa: F401
    import peft  # noqa: F401
    import trl  # noqa: F401


def run_real(folder: str) -> None:
    """Run the study in a folder as `safedose run` does, with a real model."""
    sys.argv = ["safedose", "run", str(Path(folder) / "study.yaml")]
    cli.main()


def run(folder: str, fault: dict[str, Any] | None = None) -> None:
    """Run the study in a folder as `safedose run` does, from arguments to exit code; a fault may be armed."""
    if fault:
        _arm(folder, fault)
    sys.argv = ["safedose", "toy", str(Path(folder) / "study.yaml")]
    cli.main()


def _arm(folder: str, fault: dict[str, Any]) -> None:
    trace = os.open(fault["trace"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644) if fault["trace"] else -1
    ctypes.CDLL(None).shift_clock(ctypes.c_long(fault.get("clock", 0)))
    ctypes.CDLL(None).arm(fault["at"], fault["mode"], fault["error"], os.path.realpath(folder).encode(), trace)


def run_as_nobody(folder: str) -> None:
    """Run a study as a user who owns nothing; whoever is not root is none that permissions do not bind."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    run(folder)


def run_limited(folder: str, limit: str, most: int) -> None:
    """Run a study with one resource limit, such as `RLIMIT_FSIZE`; that of memory is on top of what is taken."""
    if limit == "RLIMIT_AS":
        most += int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0]) * resource.getpagesize()
    resource.setrlimit(getattr(resource, limit), (most, most))
    run(folder)


def run_read_only(folder: str) -> None:
    """Run a study whose folder is mounted read-only."""
    _own_mounts()
    _mount(folder, folder, "", _MS_BIND, "")
    _mount(folder, folder, "", _MS_BIND | _MS_REMOUNT | _MS_RDONLY, "")
    run(folder)


def run_on_growing_disk(folder: str, disk: str, kilobytes: list[int]) -> None:
    """Run a study again and again on a disk of its own that grows in between, then copy it back.

    Says `exit N` after each run.
    """
    _own_mounts()
    _mount("tmpfs", disk, "tmpfs", 0, f"size={kilobytes[0]}k")
    study = shutil.copytree(folder, Path(disk) / "study")
    for size in kilobytes:
        _mount("tmpfs", disk, "tmpfs", _MS_REMOUNT, f"size={size}k")
        child = os.fork()
        if not child:
            run(str(study))
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stderr.write(f"exit {code}\n")
        sys.stderr.flush()
    shutil.copytree(study, folder, dirs_exist_ok=True)


def _own_mounts() -> None:
    """Leave the system's mounts for a copy that only this process and its children see; exits where it may not."""
    libc, user, group = ctypes.CDLL(None), os.geteuid(), os.getegid()
    if libc.unshare(_CLONE_NEWNS | (_CLONE_NEWUSER if user else 0)):
        sys.exit(NOT_ALLOWED)
    if user:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    _mount("none", "/", "", _MS_REC | _MS_PRIVATE, "")


def _mount(source: str, target: str, kind: str, flags: int, options: str) -> None:
    words = (word.encode() for word in (source, target, kind))
    if ctypes.CDLL(None).mount(*words, ctypes.c_ulong(flags), options.encode()):
        sys.exit(NOT_ALLOWED)
