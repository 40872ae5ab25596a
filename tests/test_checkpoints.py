"""Checkpoints on disk: which one is gone on from, which are refused, when the next is due."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from safedose.checkpoints import Checkpoints
from safedose.errors import RunError
from safedose.store.writer import writing

CONTENT = bytes(range(256))


def write(checkpoints: Checkpoints, *steps: int, content: bytes = CONTENT) -> None:
    for step in steps:
        with checkpoints.write(step) as folder:
            (folder / "state").write_bytes(content + str(step).encode())


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "checkpoints", key="key")


def step_of(checkpoints: Checkpoints) -> int | None:
    found = checkpoints.latest()
    return found[0] if found else None


def state(checkpoints: Checkpoints, step: int) -> Path:
    return checkpoints.folder / f"step-{step:08}" / "state"


def names(checkpoints: Checkpoints) -> set[str]:
    return {path.name for path in checkpoints.folder.iterdir()}


def test_there_is_none_before_the_first(checkpoints: Checkpoints) -> None:
    assert checkpoints.latest() is None


def test_newest_is_gone_on_from(checkpoints: Checkpoints) -> None:
    write(checkpoints, 9, 10)

    step, folder = checkpoints.latest() or (0, Path())
    assert (step, (folder / "state").read_bytes()) == (10, CONTENT + b"10")


def test_two_newest_are_kept(checkpoints: Checkpoints) -> None:
    write(checkpoints, 1, 2, 3, 4)

    assert names(checkpoints) == {
        "step-00000003", "step-00000003.manifest.json", "step-00000004", "step-00000004.manifest.json"
    }  # fmt: skip


@pytest.mark.parametrize("share", range(64))
def test_checkpoint_cut_short_is_set_aside_and_the_one_before_used(share: int, checkpoints: Checkpoints) -> None:
    write(checkpoints, 1, 2)
    state(checkpoints, 2).write_bytes((CONTENT + b"2")[: len(CONTENT) * share // 64])

    assert step_of(checkpoints) == 1
    assert names(checkpoints) == {"step-00000001", "step-00000001.manifest.json", "step-00000002.corrupt"}


def test_files_of_two_steps_are_not_mixed(checkpoints: Checkpoints) -> None:
    write(checkpoints, 1, 2)
    shutil.copy(state(checkpoints, 1), state(checkpoints, 2))

    assert step_of(checkpoints) == 1


def test_folders_of_two_steps_are_not_mixed(checkpoints: Checkpoints) -> None:
    write(checkpoints, 1, 2)
    one, two = state(checkpoints, 1).parent, state(checkpoints, 2).parent
    one.rename(one.with_name("between"))
    two.rename(one)
    one.with_name("between").rename(two)

    assert checkpoints.latest() is None


def test_checkpoint_without_manifest_never_was(checkpoints: Checkpoints) -> None:
    """As a kill leaves it that comes after the folder was put in place."""
    write(checkpoints, 1, 2)
    (checkpoints.folder / "step-00000002.manifest.json").unlink()

    assert step_of(checkpoints) == 1
    assert names(checkpoints) == {"step-00000001", "step-00000001.manifest.json"}


def test_checkpoint_of_another_key_is_not_gone_on_from(checkpoints: Checkpoints) -> None:
    write(checkpoints, 1, 2)

    assert Checkpoints(checkpoints.folder, key="other").latest() is None


def test_set_aside_checkpoint_does_not_count_among_the_two_newest(checkpoints: Checkpoints) -> None:
    write(checkpoints, 1, 5)
    state(checkpoints, 5).write_bytes(b"")
    checkpoints.latest()

    write(checkpoints, 2)

    assert {"step-00000001", "step-00000002", "step-00000005.corrupt"} <= names(checkpoints)


def test_what_a_kill_left_half_written_is_swept(checkpoints: Checkpoints) -> None:
    write(checkpoints, 1)
    state(checkpoints, 1).parent.rename(checkpoints.folder / "step-00000002.partial")

    checkpoints.latest()

    assert "step-00000002.partial" not in names(checkpoints)


def test_error_while_writing_leaves_the_one_before(checkpoints: Checkpoints) -> None:
    write(checkpoints, 1)
    with pytest.raises(KeyboardInterrupt), checkpoints.write(2):
        raise KeyboardInterrupt

    assert step_of(checkpoints) == 1


def test_discarding_removes_all(checkpoints: Checkpoints) -> None:
    write(checkpoints, 1, 2)
    state(checkpoints, 2).write_bytes(b"")
    checkpoints.latest()

    checkpoints.discard()

    assert not checkpoints.folder.exists()


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_first_is_due_at_once(checkpoints: Checkpoints) -> None:
    assert checkpoints.due(1)


def test_two_seconds_to_write_make_one_due_every_170(tmp_path: Path) -> None:
    """sqrt(2 x 2 s x 2 h)."""
    clock = Clock()
    checkpoints = Checkpoints(tmp_path, key="key", clock=clock)
    with checkpoints.write(1) as folder:
        (folder / "state").write_bytes(CONTENT)
        clock.now += 2

    clock.now += 169
    assert not checkpoints.due(2)
    clock.now += 1
    assert checkpoints.due(3)


def test_steps_can_decide_when_one_is_due(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, key="key", every_steps=3)

    assert [step for step in range(1, 10) if checkpoints.due(step)] == [3, 6, 9]


def test_damage_is_told_to_the_person(tmp_path: Path) -> None:
    with writing(tmp_path, "run") as writer:
        checkpoints = Checkpoints(tmp_path / "checkpoints", key="key", writer=writer)
        write(checkpoints, 1, 2)
        state(checkpoints, 2).write_bytes(b"")

        assert step_of(checkpoints) == 1
        assert "step-00000002 was damaged" in writer.notes[0]
        assert "step-00000002.corrupt" in names(checkpoints)


def test_process_that_was_replaced_writes_no_checkpoint(tmp_path: Path) -> None:
    with writing(tmp_path, "run") as writer:
        (tmp_path / "writer.lock").unlink()
        with writing(tmp_path, "run"), pytest.raises(RunError, match="took this study over"):
            write(Checkpoints(tmp_path / "checkpoints", key="key", writer=writer), 1)
