"""Room on the disk: told before a study begins, whoever else is at work there."""

from __future__ import annotations

from pathlib import Path

import pytest

from safedose.errors import InputError
from safedose.room import require_room
from safedose.store import StudyFolder
from safedose.store.durable import free_bytes


def test_what_lies_there_already_needs_no_room(tmp_path: Path) -> None:
    (tmp_path / "arms").mkdir()
    (tmp_path / "arms" / "weights").write_bytes(bytes(1000))
    require_room(StudyFolder(tmp_path), 1000)
    with pytest.raises(InputError, match="the disk has room for"):
        require_room(StudyFolder(tmp_path), 2 * free_bytes(tmp_path))


def test_file_that_goes_away_while_the_room_is_measured_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "arms").mkdir()
    (tmp_path / "arms" / "checkpoint").symlink_to(tmp_path / "gone")
    require_room(StudyFolder(tmp_path), 0)
