"""Case 9: a study may be stopped, moved, renamed and linked to; it goes on there and ends in the same bytes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from faults.injector import Fault, Mode, order
from faults.kill_loop import Undisturbed
from faults.nursery import Nursery
from faults.study_digest import digest_study
from faults.toy_study import SMALL, make_toy

PLACES = [
    "renamed",
    "with spaces",
    "a/b/deeper",
    "Größe-β-模型-🙂",
    'quote\'s "and" $HOME',
    "-dash",
    "line\nbreak",
    ".hidden",
]


@pytest.fixture
def half(injecting: list[Nursery], tmp_path: Path) -> Path:
    """A small toy study that was killed half way, in the middle of a commit."""
    folder = make_toy(injecting[0].inputs, tmp_path / "first", SMALL)
    assert injecting[0].run("run", str(folder), order(Fault(250, Mode.KILL))).code == -9
    return folder


@pytest.mark.parametrize("name", PLACES)
def test_study_killed_half_way_goes_on_under_another_name(
    name: str, half: Path, nursery: Nursery, small: Undisturbed, tmp_path: Path
) -> None:
    moved = tmp_path / "elsewhere" / name
    moved.parent.mkdir(parents=True)
    half.rename(moved)

    ended = nursery.run("run", str(moved))

    assert ended.code == 0, ended.said
    assert digest_study(moved) == small.digest


def test_study_killed_half_way_goes_on_on_another_disk(
    half: Path, nursery: Nursery, small: Undisturbed, room: Path
) -> None:
    moved = Path(shutil.move(half, room / "another disk"))

    assert nursery.run("run", str(moved)).code == 0
    assert digest_study(moved) == small.digest


def test_study_killed_half_way_goes_on_through_a_link(
    half: Path, nursery: Nursery, small: Undisturbed, tmp_path: Path
) -> None:
    link = tmp_path / "link"
    link.symlink_to(half)

    assert nursery.run("run", str(link)).code == 0
    assert digest_study(half) == small.digest


def test_no_file_of_a_study_knows_where_it_lies(whole: Undisturbed, room: Path) -> None:
    place = str(room).encode()
    files = [file for file in (room / "whole").rglob("*") if file.is_file()]

    assert files
    assert [file.name for file in files if place in file.read_bytes()] == []
