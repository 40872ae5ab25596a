"""Case 45: the wall clock may jump; order comes from sequence numbers, durations from a clock that only goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.injector import Fault, Mode, order
from faults.kill_loop import Undisturbed
from faults.nursery import Nursery
from faults.study_digest import digest_study
from faults.toy_study import SMALL, make_toy
from safedose.store.ledger import read_ledger

YEAR = 365 * 24 * 3600
JUMPS = {"1970": -55 * YEAR, "an hour back": -3600, "2099": 73 * YEAR}


@pytest.mark.parametrize("jump", JUMPS)
def test_clock_that_jumped_between_two_runs_changes_no_byte_and_no_order(
    jump: str, injecting: list[Nursery], small: Undisturbed, tmp_path: Path
) -> None:
    nursery = injecting[0]
    folder = make_toy(nursery.inputs, tmp_path / "study", SMALL)
    assert nursery.run("run", str(folder), order(Fault(300, Mode.KILL))).code == -9

    ended = nursery.run("run", str(folder), order(Fault(0, Mode.COUNT)) | {"clock": JUMPS[jump]})

    assert ended.code == 0, ended.said
    assert digest_study(folder) == small.digest
    entries = read_ledger(folder / "ledger.sqlite")
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    assert [entry.epoch for entry in entries] == sorted(entry.epoch for entry in entries)
    first, last = entries[0].time, entries[-1].time
    assert abs(last - first - JUMPS[jump]) < YEAR  # the jump has really happened
