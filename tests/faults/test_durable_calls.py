"""Cases 2, 5 and 10: a kill or a refusal at any durable call, one after another, changes no byte of the result."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from faults.injector import Call, Fault, Mode, faults_at, survive, telling, told_apart, trace_calls
from faults.kill_loop import Undisturbed
from faults.nursery import Nursery, share_out
from faults.toy_study import SMALL, make_toy


@pytest.fixture(scope="module")
def traced(injecting: list[Nursery], room: Path) -> list[Call]:
    """The durable calls of the small toy study."""
    return trace_calls(injecting[0], fresh(injecting[0], room / "traced"), room / "calls")


@pytest.fixture(scope="module")
def calls(traced: list[Call]) -> list[Call]:
    """Those of them that can be told from their neighbours."""
    return telling(traced)


def fresh(nursery: Nursery, folder: Path) -> Path:
    return make_toy(nursery.inputs, folder, SMALL)


def survive_all(faults: list[Fault], nurseries: list[Nursery], small: Undisturbed, room: Path) -> None:
    def one(nursery: Nursery, fault: Fault) -> None:
        survive(nursery, fresh(nursery, room / str(fault)), fault, small.digest)

    assert faults
    share_out(faults, nurseries, one)


def test_kill_before_any_durable_call_changes_no_byte(
    traced: list[Call], calls: list[Call], injecting: list[Nursery], small: Undisturbed, room: Path
) -> None:
    survive_all(faults_at(told_apart(traced, calls), Mode.KILL), injecting, small, room)


def test_disk_that_is_full_for_a_moment_is_named_and_changes_no_byte(
    calls: list[Call], injecting: list[Nursery], small: Undisturbed, room: Path
) -> None:
    survive_all(faults_at(calls, Mode.FAIL, errno.ENOSPC), injecting, small, room)


@pytest.mark.parametrize(
    ("mode", "error"),
    [
        (Mode.TORN, 0), (Mode.SHORT, 0), (Mode.FAIL, errno.EIO), (Mode.FAIL, errno.EMFILE),
        (Mode.FAIL_ON, errno.ENOSPC),
    ],
)  # fmt: skip
def test_other_faults_at_every_twentieth_durable_call_change_no_byte(
    mode: Mode, error: int, calls: list[Call], injecting: list[Nursery], small: Undisturbed, room: Path
) -> None:
    survive_all(faults_at(calls, mode, error)[::20], injecting, small, room)


def test_every_kind_of_durable_call_is_counted(traced: list[Call]) -> None:
    kinds = {call.name for call in traced}
    assert kinds >= {"open", "write", "pwrite", "fsync", "fdatasync", "ftruncate", "rename", "unlink", "mkdir", "rmdir"}
