"""One writer per study: the second is told who holds it, one that was replaced may not write any more."""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

import pytest

from safedose.errors import InputError, RunError
from safedose.store import Unit
from safedose.store.ledger import read_ledger
from safedose.store.writer import LEDGER, LOCK, read_holder, writing


def test_second_writer_is_told_who_holds_the_study(tmp_path: Path) -> None:
    with (
        writing(tmp_path, "safedose run"),
        pytest.raises(RunError, match=rf"process {os.getpid()} on (.|\n)*`safedose run` began 0 min ago"),
        writing(tmp_path, "safedose judge"),
    ):
        pass


def test_study_is_free_again_after_the_writer(tmp_path: Path) -> None:
    for epoch in (1, 2, 3):
        with writing(tmp_path, "test") as writer:
            assert writer.epoch == epoch


def test_study_is_free_again_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), writing(tmp_path, "test"):
        raise ZeroDivisionError

    with writing(tmp_path, "test") as writer:
        assert writer.epoch == 2


def test_writer_that_was_replaced_may_not_commit(tmp_path: Path) -> None:
    """Removing the lock file makes the lock void, as a disk that knows no locks would."""
    with writing(tmp_path, "old") as old:
        (tmp_path / LOCK).unlink()
        with writing(tmp_path, "new"):
            unit = Unit(tmp_path / "unit", "key", old)
            with pytest.raises(RunError, match="took this study over"), unit.commit() as out:
                out.write_text("late")

    assert not unit.exists()
    assert not unit.path.exists()


def test_epoch_outlives_a_ledger_that_was_lost(tmp_path: Path) -> None:
    with writing(tmp_path, "test"):
        pass
    (tmp_path / LEDGER).unlink()

    with writing(tmp_path, "test") as writer:
        assert writer.epoch == 2


def test_damaged_ledger_is_set_aside_and_work_goes_on(tmp_path: Path) -> None:
    with writing(tmp_path, "test"):
        pass
    (tmp_path / LEDGER).write_bytes(b"damaged" * 1000)

    with writing(tmp_path, "test") as writer:
        assert writer.epoch == 2
        assert writer.notes == ["ledger.sqlite was damaged: set aside as ledger.sqlite.corrupt; a new one was begun"]

    assert [entry.event for entry in read_ledger(tmp_path / LEDGER)] == ["opened"]


def test_folder_that_cannot_be_written_to_is_wrong_input(tmp_path: Path) -> None:
    (tmp_path / LOCK).mkdir()

    with pytest.raises(InputError, match="cannot be written to"), writing(tmp_path, "test"):
        pass


def test_progress_is_told_while_it_lasts(tmp_path: Path) -> None:
    with writing(tmp_path, "safedose run") as writer:
        writer.beat(now=True, stage="tune", done=3, total=9, unit="steps", what="arm", eta=6.0)
        holder = read_holder(tmp_path)

    assert (holder.alive, holder.pid, holder.command) == (True, os.getpid(), "safedose run")
    assert (holder.stage, holder.done, holder.total, holder.unit, holder.eta) == ("tune", 3, 9, "steps", 6.0)
    assert not read_holder(tmp_path).alive


def test_somebody_who_only_looks_does_not_keep_a_writer_out(tmp_path: Path) -> None:
    with writing(tmp_path, "test"):
        pass
    with (tmp_path / LOCK).open() as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        done = threading.Timer(0.03, fcntl.flock, (looking, fcntl.LOCK_UN))
        done.start()
        with writing(tmp_path, "test") as writer:
            assert writer.epoch == 2
        done.join()


def test_writer_that_has_just_begun_is_waited_for_until_it_says_who_it_is(tmp_path: Path) -> None:
    with (tmp_path / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        tells = threading.Timer(0.3, (tmp_path / LOCK).write_text, ('{"host": "here", "pid": 7, "started": 0}',))
        tells.start()
        with pytest.raises(RunError, match="process 7 on here"), writing(tmp_path, "test"):
            pass
        tells.join()


def test_writer_that_never_says_who_it_is_is_no_process_0(tmp_path: Path) -> None:
    with (tmp_path / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(RunError, match="another process is working"), writing(tmp_path, "test"):
            pass


def test_nobody_holds_a_study_that_was_never_written_to(tmp_path: Path) -> None:
    assert not read_holder(tmp_path).alive
    assert not list(tmp_path.iterdir())
