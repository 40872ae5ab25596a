"""Cases 6 and 15: a flipped byte in anything a study wrote is found before use and told; what it damaged is made again.

That it is found at all, in every kind of file, is `tests/store/test_flips.py`; here the whole command meets it.
"""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from faults.damage import ARTEFACTS, flip, mend
from faults.injector import Fault, Mode, order, trace_calls
from faults.kill_loop import Undisturbed
from faults.nursery import Nursery
from faults.study_digest import digest_study
from faults.toy_study import SMALL, WORK_LOG, make_toy
from safedose.errors import SafedoseError
from safedose.store import StudyFolder
from safedose.store.ledger import DamagedLedgerError, read_ledger

SEED = 1
NUM_TRIALS = 100


@pytest.fixture
def copied(small: Undisturbed, room: Path, tmp_path: Path) -> Path:
    """A finished small study that may be damaged."""
    return shutil.copytree(room / "small", tmp_path / "study")


def test_ledger_with_a_flipped_byte_is_refused_or_says_the_same(copied: Path) -> None:
    ledger = copied / "ledger.sqlite"
    sound, entries = ledger.read_bytes(), read_ledger(ledger)
    num_found = 0
    for trial in range(NUM_TRIALS):
        done = flip(ledger, random.Random(f"{SEED} {trial}"))
        try:
            assert read_ledger(ledger) == entries, done
        except DamagedLedgerError:
            num_found += 1
        ledger.write_bytes(sound)
    assert num_found


def test_ledger_with_a_flipped_byte_stops_nobody_from_writing(copied: Path) -> None:
    sound, epoch = (copied / "ledger.sqlite").read_bytes(), read_ledger(copied / "ledger.sqlite")[-1].epoch
    for trial in range(NUM_TRIALS):
        done = flip(copied / "ledger.sqlite", random.Random(f"{SEED} {trial}"))
        try:
            with StudyFolder(copied).writing("test") as writer:
                writer.record("looked", copied / "study.yaml")
            assert writer.epoch > epoch, done
        except SafedoseError as error:
            pytest.fail(f"{done}: {error}")
        (copied / "ledger.sqlite").write_bytes(sound)


@pytest.mark.parametrize("kind", ARTEFACTS)
def test_study_with_a_flipped_byte_says_so_and_ends_in_the_same_bytes(
    kind: str, nursery: Nursery, small: Undisturbed, copied: Path
) -> None:
    mend(nursery, copied, kind, small.digest, rng=random.Random(f"{SEED} {kind}"))


@pytest.fixture
def stopped(injecting: list[Nursery], small: Undisturbed, tmp_path: Path) -> Callable[[str], Path]:
    """Gives a small study that was killed just before it put something in place."""

    def stop(path: str) -> Path:
        folder = make_toy(injecting[0].inputs, tmp_path / "study", SMALL)
        traced = make_toy(injecting[0].inputs, tmp_path / "traced", SMALL)
        calls = trace_calls(injecting[0], traced, tmp_path / "calls")
        place = next(call.number for call in calls if call.name == "rename" and re.search(path, call.path))
        assert injecting[0].run("run", str(folder), order(Fault(place, Mode.KILL))).code == -9
        return folder

    return stop


@pytest.mark.parametrize(
    ("before", "file", "kind"),
    [
        (r"/adapter$", "arms/*/checkpoints/step-00000004/state.safetensors", "step"),
        (r"/responses/long.parquet$", "arms/*/responses/long.parquet.journal", "batch"),
        (r"/verdicts/.*/long.parquet$", "arms/*/verdicts/*/long.parquet.journal", "chunk"),
    ],
)
def test_flipped_byte_in_work_in_progress_costs_a_part_of_it(
    before: str, file: str, kind: str, stopped: Callable[[str], Path], nursery: Nursery, small: Undisturbed
) -> None:
    folder = stopped(before)
    (damaged,) = folder.glob(file)
    done = flip(damaged, random.Random(SEED))
    log = folder.with_name("work.log")

    ended = nursery.run("run", str(folder), environment={WORK_LOG: str(log)})

    assert ended.code == 0, f"{done}: {ended.said}"
    assert {line.split()[1] for line in log.read_text().splitlines()} >= {kind}
    assert digest_study(folder) == small.digest, done
