"""The ledger: rows are added and never changed, and a changed one is found."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path

import pytest

from safedose.store.ledger import DamagedLedgerError, Ledger, read_ledger


def filled(path: Path, num_rows: int = 3) -> Ledger:
    ledger = Ledger(path)
    for number in range(num_rows):
        ledger.append("committed", f"unit-{number}", epoch=1, key="k")
    return ledger


def raw(path: Path, statement: str) -> None:
    """Change the file behind the ledger's back."""
    database = sqlite3.connect(path)
    database.execute("DROP TRIGGER IF EXISTS never_changed")
    database.execute("DROP TRIGGER IF EXISTS never_removed")
    database.execute(statement)
    database.commit()
    database.close()


def test_rows_are_read_back_in_order(tmp_path: Path) -> None:
    filled(tmp_path / "l").close()

    assert [(one.seq, one.unit, one.detail) for one in read_ledger(tmp_path / "l")] == [
        (1, "unit-0", {"key": "k"}), (2, "unit-1", {"key": "k"}), (3, "unit-2", {"key": "k"}),
    ]  # fmt: skip


def test_opened_again_it_goes_on_where_it_was(tmp_path: Path) -> None:
    filled(tmp_path / "l").close()
    ledger = filled(tmp_path / "l", 1)

    assert [one.seq for one in ledger.entries()] == [1, 2, 3, 4]


def test_epoch_is_that_of_the_last_row(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l")
    assert ledger.epoch == 0

    ledger.append("opened", epoch=7)

    assert ledger.epoch == 7


@pytest.mark.parametrize("statement", ["UPDATE entries SET unit = 'x'", "DELETE FROM entries"])
def test_rows_cannot_be_changed_through_the_database(statement: str, tmp_path: Path) -> None:
    filled(tmp_path / "l").close()

    with pytest.raises(sqlite3.IntegrityError, match="append only"):
        sqlite3.connect(tmp_path / "l").execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET unit = 'other' WHERE seq = 2",
        "UPDATE entries SET time = time + 1 WHERE seq = 1",
        "UPDATE entries SET chain = 'x' WHERE seq = 3",
        "DELETE FROM entries WHERE seq = 2",
        "INSERT INTO entries VALUES (4, 1, 0.0, 'committed', 'u', '{}', 'x')",
    ],
)
def test_row_changed_behind_its_back_is_found(statement: str, tmp_path: Path) -> None:
    filled(tmp_path / "l").close()
    raw(tmp_path / "l", statement)

    with pytest.raises(DamagedLedgerError, match="is not what was written"):
        Ledger(tmp_path / "l")


def test_file_that_is_no_database_is_damage(tmp_path: Path) -> None:
    (tmp_path / "l").write_bytes(b"no database" * 1000)

    with pytest.raises(DamagedLedgerError):
        Ledger(tmp_path / "l")
    with pytest.raises(DamagedLedgerError):
        read_ledger(tmp_path / "l")


def test_rows_of_a_block_that_fails_are_not_there(tmp_path: Path) -> None:
    ledger = filled(tmp_path / "l")
    with suppress(ZeroDivisionError), ledger.alone():
        ledger.append("committed", "half", epoch=1)
        raise ZeroDivisionError
    ledger.append("committed", "whole", epoch=1)

    assert [one.unit for one in ledger.entries(after=3)] == ["whole"]
    ledger.close()
    assert len(read_ledger(tmp_path / "l")) == 4


def test_reading_a_ledger_that_is_not_there_makes_none(tmp_path: Path) -> None:
    assert read_ledger(tmp_path / "l") == ()
    assert not list(tmp_path.iterdir())


def test_two_processes_write_one_chain(tmp_path: Path) -> None:
    one, other = Ledger(tmp_path / "l"), Ledger(tmp_path / "l")
    for ledger, epoch in ((one, 1), (other, 2), (one, 1)):
        with ledger.alone():
            ledger.append("opened", epoch=epoch)

    assert [entry.epoch for entry in read_ledger(tmp_path / "l")] == [1, 2, 1]
