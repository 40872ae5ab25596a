"""A table that says of each adapter in a folder which dose it was trained with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from safedose.errors import nearest
from safedose.generation.adapters import CONFIG, FoundAdapter, look_at
from safedose.generation.armrows import ARM_COLUMNS, Cells, check_mapping, check_seen, fail, read_arm
from safedose.records import UNTUNED, Arm

COLUMNS = ("adapter", *ARM_COLUMNS)
"""The columns understood, the two that every row must have first. `safety_format` also means `format`."""


class Entry(NamedTuple):
    """One row of the table.

    Attributes:
        row: Its number.
        name: Folder of the adapter, relative to the folder of adapters.
        arm: What it is.
        found: What lies there.
    """

    row: int
    name: str
    arm: Arm
    found: FoundAdapter


def find_adapters(root: Path) -> tuple[str, ...]:
    """List the folders below a folder that hold an adapter, sorted, relative to it; `.` for itself."""
    return tuple(sorted(file.parent.relative_to(root).as_posix() for file in root.rglob(CONFIG)))


def read_table(
    rows: Iterable[tuple[int, Mapping[str, object]]],
    root: Path,
    *,
    mapping: Mapping[str, str],
    base: str,
    call_base: Callable[[str], str],
) -> tuple[Entry, ...]:
    """Read a table of adapters, and look at each of them.

    A row needs `adapter` and `dose`; its arm is read by `read_arm`. `adapter` is a path from `root`, or the name of a
    folder that no other adapter below `root` has.

    Args:
        rows: Row number and values, as `safedose.data.readers.read_rows` gives them.
        root: The folder of adapters.
        mapping: Our column name to the table's, for columns of other names.
        base: The base of rows that name none; empty: the one that the adapter's configuration names.
        call_base: Turns the name of a base into the one the study uses.

    Returns:
        One entry per row, in the order of the table.

    Raises:
        InputError: Naming the row, for what cannot be read or loaded; naming both rows where two are about one arm,
            or one adapter.
    """
    check_mapping(mapping, COLUMNS)
    folders, unseen = find_adapters(root), set(mapping.values())
    entries: list[Entry] = []
    for number, values in rows:
        cells = Cells(f"row {number}", values, mapping)
        if values.get(cells.column("dose")) is None:  # said before adapters are looked for
            cells.missing("dose")
        unseen.difference_update(values)
        name = _folder(cells, root, folders)
        found = look_at(root / name, where=f"row {number}: {name}")
        default = base or found.trained_on
        if not default and not cells.text("base", default=""):
            fail(
                f"nobody says which base {name} was trained on", where=f"row {number}",
                cause="neither --base, nor a column `base`, nor the adapter's configuration names one",
                fix="give --base BASE: a folder, `smallworld`, or a Hub id",
            )  # fmt: skip
        named = call_base(cells.label("base", default=default))
        arm, _ = read_arm(Cells(cells.where, {**values, cells.column("base"): named}, mapping), made_of=found.sha256)
        entry = Entry(number, name, arm, found)
        _check_apart(entry, entries, cells)
        entries.append(entry)
    if not entries:
        fail("there are no adapters", where="the table", fix="give a table with one adapter a row")
    check_seen(unseen)
    return tuple(entries)


def _folder(cells: Cells, root: Path, folders: tuple[str, ...]) -> str:
    """Find the folder that a row names, inside the folder of adapters."""
    name = cells.text("adapter")
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not name.isprintable():
        fail(
            f"{name[:100]!r} leads out of the folder of adapters", where=cells.where,
            cause="a path starts at that folder and stays in it",
            fix=f"copy or link the adapter into {root}, and name it by its path from there",
        )  # fmt: skip
    if _is_folder(root / path):
        return path.as_posix()
    alike = [folder for folder in folders if PurePosixPath(folder).name == name]
    if len(alike) != 1:
        nothing = f"no folder in it holds a file {CONFIG}"
        there = f"as {' and '.join(alike[:3])}" if alike else nearest(name, folders) if folders else nothing
        fail(
            f"there {'are several adapters' if alike else 'is no adapter'} {name[:100]!r} in {root}: {there}",
            where=cells.where, cause="the name is misspelt, or it lies elsewhere",
            fix="name each adapter by its path from that folder",
        )  # fmt: skip
    return alike[0]


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name too long for the disk
        return False


def _check_apart(entry: Entry, others: Iterable[Entry], cells: Cells) -> None:
    """Refuse an adapter or an arm that an earlier row has."""
    if entry.arm.run == UNTUNED:
        fail(
            f"the run cannot be called {UNTUNED!r}", where=cells.where,
            cause="that is what safedose calls the base without an adapter", fix="give the run another label",
        )  # fmt: skip
    for other in others:
        if other.found.sha256 == entry.found.sha256:
            same = other.name == entry.name
            fail(
                f"the adapter {entry.name} stands in row {other.row} already" + ("" if same else f", as {other.name}"),
                where=cells.where, cause="a row was written twice" if same else "the two folders hold the same bytes",
                fix="drop one of the two rows, or correct which adapter it names",
            )  # fmt: skip
        if _cell(other.arm) == _cell(entry.arm):
            fail(
                f"{entry.name} is the same arm as {other.name} in row {other.row}: dose {entry.arm.dose} with the same "
                "format, strategy, ladder, base, run and seeds",
                where=cells.where, cause="what tells the two trainings apart is in no known column",
                fix="give them different seeds (`seed`, or `draw_seed` and `train_seed`), or another `run`",
            )  # fmt: skip


def _cell(arm: Arm) -> tuple[object, ...]:
    seeds = (arm.draw_seed, arm.train_seed)
    return arm.base, arm.run, arm.ladder, arm.strategy, arm.format, arm.dose, *seeds
