"""The journal of a unit in progress: whole parts are kept, torn and foreign ones are not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from safedose.records import Failure
from safedose.store import Unit
from safedose.store.journal import in_parts

PARTS = ("a", "b", "c")


def do(unit: Unit, asked: list[str], *, stop_at: int | None = None, parts: Sequence[str] = PARTS) -> list[Failure]:
    """Do parts that are named in `asked`, up to one at which the process dies."""

    def one(number: int, part: str) -> list[Failure]:
        if number == stop_at:
            raise KeyboardInterrupt
        asked.append(part)
        return [Failure(arm=part, step=number, reason="ü\u2028", kept_step=None)] * 2

    return in_parts(unit, parts, one, kind=Failure, done=lambda _: None)


def test_records_come_in_the_order_of_the_parts(tmp_path: Path) -> None:
    found = do(Unit(tmp_path / "unit", "key"), [])

    assert [(one.arm, one.step) for one in found] == [("a", 0), ("a", 0), ("b", 1), ("b", 1), ("c", 2), ("c", 2)]


@pytest.mark.parametrize("stop_at", range(len(PARTS)))
def test_every_part_is_done_once_over_a_stop(stop_at: int, tmp_path: Path) -> None:
    unit, asked = Unit(tmp_path / "unit", "key"), []
    with pytest.raises(KeyboardInterrupt):
        do(unit, asked, stop_at=stop_at)

    assert do(unit, asked) == do(Unit(tmp_path / "other", "key"), [])
    assert asked == list(PARTS)


def test_parts_done_before_are_reported_as_done(tmp_path: Path) -> None:
    do(Unit(tmp_path / "unit", "key"), [])
    told: list[str] = []

    in_parts(Unit(tmp_path / "unit", "key"), PARTS, lambda *_: [], kind=Failure, done=told.append)

    assert told == list(PARTS)


def test_parts_of_another_key_are_forgotten(tmp_path: Path) -> None:
    asked: list[str] = []
    do(Unit(tmp_path / "unit", "key"), asked)

    do(Unit(tmp_path / "unit", "other"), asked)

    assert asked == [*PARTS, *PARTS]


def test_journal_cut_anywhere_repeats_only_what_was_cut(tmp_path: Path) -> None:
    unit = Unit(tmp_path / "unit", "key")
    whole = do(unit, [])
    data = unit.journal.read_bytes()
    repeated: set[int] = set()
    for size in range(len(data)):
        asked: list[str] = []
        unit.journal.write_bytes(data[:size])
        assert do(unit, asked) == whole
        assert unit.journal.read_bytes() == data
        assert asked == list(PARTS[data[:size].count(b"\n") :])
        repeated.add(len(asked))

    assert repeated == {1, 2, 3}


def test_flipped_bit_of_a_journal_is_found(tmp_path: Path) -> None:
    unit = Unit(tmp_path / "unit", "key")
    whole = do(unit, [])
    data = unit.journal.read_bytes()
    for position in range(0, len(data), 7):
        damaged = bytearray(data)
        damaged[position] ^= 1
        unit.journal.write_bytes(damaged)

        assert do(unit, []) == whole


def test_journal_goes_when_the_unit_is_committed(tmp_path: Path) -> None:
    unit = Unit(tmp_path / "unit", "key")
    do(unit, [])
    with unit.commit() as path:
        path.write_text("done")

    assert not unit.journal.exists()
