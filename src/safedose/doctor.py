"""Whether this machine can keep safedose's promises: software, hardware, disk, Hub; each finding with what to do."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import math
import os
import platform
import re
import resource
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import safedose
from safedose.bases import find_accelerators
from safedose.errors import InputError, SafedoseError
from safedose.hub import hub_access
from safedose.store.durable import free_bytes
from safedose.store.promises import find_mount, is_network, trial_folder, try_ledger, try_lock, try_replacing

State = Literal["ok", "warn", "missing"]

_GB = 1e9
_LITTLE_MEMORY = 2 * _GB
"""Importing torch and transformers and tuning the small world takes about half of it."""

_LITTLE_DISK = 1 * _GB
_FEW_FILES = 1024


@dataclass(frozen=True, slots=True)
class Line:
    """One finding.

    Attributes:
        topic: What was looked at.
        state: `ok`; `warn`: works, but; `missing`: something needed is not there.
        found: What was found.
        todo: What to do about it; empty when there is nothing to do.
    """

    topic: str
    state: State
    found: str
    todo: str = ""


def examine(
    place: Path,
    *,
    requires: Callable[[], Sequence[str] | None] = lambda: importlib.metadata.requires("safedose"),
    version: Callable[[str], str] = importlib.metadata.version,
    system: Path = Path("/"),
) -> tuple[Line, ...]:
    """Look at everything a study depends on; on a broken installation too.

    Args:
        place: The folder of a study that is or is to be; what is tried there is removed again.
        requires: Gives what safedose requires, as package metadata writes it.
        version: Gives the version of an installed package.
        system: Where `proc` and `sys` lie.

    Raises:
        InputError: When the place is no folder.
    """
    if not place.is_dir():
        raise InputError(
            f"{place} is no folder", where=str(place), cause="it is not there, or is a file",
            fix="give the folder of a study, or one where a study is to be",
        )  # fmt: skip
    checks: dict[str, Callable[[], Iterator[Line]]] = {
        "packages": lambda: _packages(requires, version),
        "cores": lambda: _cores(system),
        "memory": lambda: _memory(system),
        "accelerator": lambda: _accelerators(system),
        "open files": _open_files,
        "disk": lambda: _disk(place, system),
        "Hub": _hub,
    }
    return tuple(line for topic, check in checks.items() for line in _guarded(topic, check))


def _guarded(topic: str, check: Callable[[], Iterator[Line]]) -> Iterator[Line]:
    """Give the findings of a check; one that breaks off is a finding too."""
    try:
        yield from check()
    except Exception as error:  # whatever a broken installation or an unusual system raises is told in a line
        state: State = "missing" if isinstance(error, ImportError) else "warn"
        yield Line(topic, state, f"could not be found out: {_first_line(error)}", "mend the installation")


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"


def _packages(requires: Callable[[], Sequence[str] | None], version: Callable[[str], str]) -> Iterator[Line]:
    yield Line("Python", "ok", platform.python_version())
    yield Line("safedose", "ok", safedose.__version__)
    if importlib.util.find_spec("packaging") is None:
        yield Line("packaging", "missing", "not installed: no version can be compared", "pip install packaging")
        return
    try:
        needed = requires()
    except importlib.metadata.PackageNotFoundError:
        needed = None
    if needed is None:
        yield Line(
            "packages", "warn", "nobody knows what safedose requires: it is not installed", "pip install safedose"
        )
    extras: dict[str, list[Line]] = {}
    for text in needed or ():
        extra = re.search(r"""extra == ['"]([\w.-]+)['"]""", text)
        for line in _guarded(text, functools.partial(_package, text, version, extra[1] if extra else "")):
            if extra:
                extras.setdefault(extra[1], []).append(line)
            else:
                yield line
    for name, lines in extras.items():
        there = [line for line in lines if line.state == "ok"]
        todo = "" if len(there) == len(lines) else f"optional: pip install 'safedose[{name}]'"
        yield Line(f"extra {name}", "ok", f"{len(there)} of {len(lines)} packages", todo)


def _package(text: str, version: Callable[[str], str], extra: str) -> Iterator[Line]:
    """Hold what is installed against one requirement; nothing is said of those for other systems."""
    from packaging.requirements import Requirement

    wanted = Requirement(text)
    if wanted.marker and not wanted.marker.evaluate({"extra": extra}):
        return
    todo = f"pip install '{wanted.name}{wanted.specifier}'"
    try:
        found = version(wanted.name) or "an unknown version"  # None where the metadata is broken
    except importlib.metadata.PackageNotFoundError:
        yield Line(wanted.name, "missing", f"not installed; {wanted.specifier or 'any version'} is needed", todo)
        return
    if wanted.specifier.contains(found, prereleases=True):
        yield Line(wanted.name, "ok", found)
    else:
        yield Line(wanted.name, "missing", f"{found} is installed; {wanted.specifier} is needed", todo)


def _cores(system: Path) -> Iterator[Line]:
    cores, threads = len(os.sched_getaffinity(0)), os.environ.get("OMP_NUM_THREADS")
    quota = min([_quota(group) for group in _groups(system, "cpu")], default=math.inf)
    found = f"{cores} usable" + (f", of which a container gives {quota:.1f}" if quota < cores else "")
    if threads:
        yield Line("cores", "ok", f"{found}; OMP_NUM_THREADS={threads}")
    elif quota < cores:
        wish = max(1, math.floor(quota))
        yield Line("cores", "warn", found, f"export OMP_NUM_THREADS={wish}: else threads wait for each other")
    else:
        yield Line("cores", "ok", found)


def _memory(system: Path) -> Iterator[Line]:
    kilobytes = dict(re.findall(r"^(\w+): +(\d+) kB$", _read(system / "proc/meminfo"), re.MULTILINE))
    total, free = int(kilobytes["MemTotal"]) * 1024, int(kilobytes["MemAvailable"]) * 1024
    limit = min([_memory_limit(group) for group in _groups(system, "memory")], default=math.inf)
    found = f"{total / _GB:.1f} GB, {free / _GB:.1f} GB free"
    found += f"; a container allows {limit / _GB:.1f} GB" if limit < total else ""
    little = min(free, limit) < _LITTLE_MEMORY
    yield Line("memory", "warn" if little else "ok", found, "end other programs, or raise the limit" if little else "")


def _groups(system: Path, controller: str) -> Iterator[Path]:
    """Walk the control groups that can limit this process, from its own to the root, of either version of them."""
    for line in _read(system / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers or controller in controllers.split(","):
            base = system / "sys/fs/cgroup" / (controller if controllers else "")
            group = base / path.lstrip("/")
            yield from (folder for folder in (group, *group.parents) if folder.is_relative_to(base) and folder.is_dir())


def _quota(group: Path) -> float:
    text = _read(group / "cpu.max") or f"{_read(group / 'cpu.cfs_quota_us')} {_read(group / 'cpu.cfs_period_us')}"
    numbers = re.fullmatch(r"(\d+)\s+(\d+)\s*", text)
    return int(numbers[1]) / int(numbers[2]) if numbers else math.inf


def _memory_limit(group: Path) -> float:
    text = (_read(group / "memory.max") or _read(group / "memory.limit_in_bytes")).strip()
    return int(text) if text.isdecimal() else math.inf


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _accelerators(system: Path) -> Iterator[Line]:
    try:
        found = find_accelerators()
    except Exception as error:  # a torch built for another system raises anything
        yield Line(
            "torch", "missing", f"cannot be loaded: {_first_line(error)}", "install torch again, see pytorch.org"
        )
        return
    for one in found:
        told = f"{one.name}, {one.num_bytes / _GB:.0f} GB, {'' if one.bfloat16 else 'no '}bfloat16"
        todo = "" if one.bfloat16 else "evaluation uses bfloat16, which is slow there"
        yield Line("accelerator", "ok" if one.bfloat16 else "warn", told, todo)
    if not found and (system / "proc/driver/nvidia/version").exists():
        todo = "install a torch built for CUDA (pytorch.org), or give the container its devices"
        yield Line("accelerator", "warn", "an NVIDIA driver, but no device that torch can use", todo)
    elif not found:
        yield Line("accelerator", "warn", "none", "the small world needs none; larger bases want a GPU")


def _open_files() -> Iterator[Line]:
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = 0 <= limit < _FEW_FILES
    yield Line("open files", "warn" if few else "ok", f"at most {limit:,}", "ulimit -n 4096" if few else "")


def _disk(place: Path, system: Path) -> Iterator[Line]:
    yield _room("disk", place.resolve())
    mount, kind = find_mount(place.resolve(), _read(system / "proc/mounts"))
    if is_network(kind):
        todo = "locks may fail there: start one command at a time on a study"
        yield Line("file system", "warn", f"{kind} at {mount}: another machine or program runs it", todo)
    elif kind in ("tmpfs", "ramfs"):
        yield Line("file system", "warn", f"{kind} at {mount}", "it lies in memory: move a study before a restart")
    else:
        yield Line("file system", "ok", f"{kind or 'unknown'} at {mount}")
    try:
        with trial_folder(place) as folder:
            yield _tried("writing", "write, flush and rename", lambda: try_replacing(folder))
            yield from _guarded("locks", lambda: iter([_locks(folder)]))
            yield _tried("ledger", "SQLite with a journal", lambda: try_ledger(folder))
    except OSError as error:
        told = f"{place} cannot be written to: {error.strerror}"
        yield Line("writing", "missing", told, "mend permissions or disk, or choose another folder")


def _tried(topic: str, what: str, do: Callable[[], None]) -> Line:
    try:
        do()
    except (OSError, SafedoseError) as error:
        told = error.what if isinstance(error, SafedoseError) else str(error)
        return Line(topic, "missing", f"{what}: {told}", "mend permissions or disk, or choose another folder")
    return Line(topic, "ok", what)


def _locks(folder: Path) -> Line:
    if try_lock(folder):
        return Line("locks", "ok", "a second process is kept out")
    return Line("locks", "warn", "a second process is not kept out", "start one command at a time on a study")


def _hub() -> Iterator[Line]:
    cache, offline = hub_access()
    told = "offline (HF_HUB_OFFLINE): only what is there already" if offline else "online, when a study names a Hub id"
    yield Line("Hub", "ok", told)
    yield _room("Hub cache", cache)


def _room(topic: str, place: Path) -> Line:
    free = free_bytes(place)
    little = free < _LITTLE_DISK
    found = f"{free / _GB:.1f} GB free at {place}"
    return Line(topic, "warn" if little else "ok", found, "free some, or move to another disk" if little else "")
