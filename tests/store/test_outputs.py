"""The outputs of a study: listed when they are finished, never half; damage is told before use."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from safedose.errors import RunError
from safedose.store.outputs import Outputs
from safedose.store.writer import LOCK, writing


def test_output_is_read_back(tmp_path: Path) -> None:
    Outputs(tmp_path).put({"a.json": "one", "deep/b.md": "ä"})

    assert [Outputs(tmp_path).read(name) for name in ("a.json", "deep/b.md")] == [b"one", "ä".encode()]


def test_output_that_was_never_written_is_none(tmp_path: Path) -> None:
    assert Outputs(tmp_path).read("a.json") is None
    assert not list(tmp_path.iterdir())


def test_output_whose_writing_was_stopped_is_none_and_others_stay(tmp_path: Path) -> None:
    outputs = Outputs(tmp_path)
    outputs.put({"a.json": "one", "b.json": "two"})

    with suppress(KeyboardInterrupt), outputs.rewriting("a.json"):
        (tmp_path / "a.json").write_text("half")
        raise KeyboardInterrupt

    assert (outputs.read("a.json"), outputs.read("b.json")) == (None, b"two")


def test_file_that_lies_there_and_was_not_listed_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("somebody's")

    assert Outputs(tmp_path).read("a.json") is None


@pytest.mark.parametrize("change", ["other", "", None])
def test_output_that_was_changed_is_not_used(change: str | None, tmp_path: Path) -> None:
    Outputs(tmp_path).put({"a.json": "first"})
    if change is None:
        (tmp_path / "a.json").unlink()
    else:
        (tmp_path / "a.json").write_text(change)

    with pytest.raises(RunError, match=r"a\.json is not what was written"):
        Outputs(tmp_path).read("a.json")


def test_output_that_says_the_same_is_not_written_again(tmp_path: Path) -> None:
    Outputs(tmp_path).put({"a.json": "one"})
    before = {path.name: path.stat().st_ino for path in tmp_path.iterdir()}

    Outputs(tmp_path).put({"a.json": "one"})

    assert {path.name: path.stat().st_ino for path in tmp_path.iterdir()} == before


def test_damaged_output_is_written_again_and_told(tmp_path: Path) -> None:
    Outputs(tmp_path).put({"a.json": "one"})
    (tmp_path / "a.json").write_bytes(b"\xff")

    with writing(tmp_path, "test") as writer:
        Outputs(tmp_path, writer).put({"a.json": "one"})

    assert Outputs(tmp_path).read("a.json") == b"one"
    assert writer.notes == ["a.json was damaged: made again"]


def test_damaged_list_is_begun_again_and_told(tmp_path: Path) -> None:
    Outputs(tmp_path).put({"a.json": "one", "b.json": "two"})
    list_ = Outputs(tmp_path).manifest
    list_.write_text(list_.read_text().replace('"size": 3', '"size": 4', 1))
    assert Outputs(tmp_path).listed() is None

    with writing(tmp_path, "test") as writer:
        Outputs(tmp_path, writer).put({"a.json": "one"})

    assert list(Outputs(tmp_path).listed() or {}) == ["a.json"]
    assert writer.notes == ["outputs.manifest.json was damaged: made again"]


def test_output_that_is_withdrawn_is_no_damage_when_it_goes(tmp_path: Path) -> None:
    Outputs(tmp_path).put({"a.json": "one", "b.json": "two"})

    Outputs(tmp_path).withdraw("a.json")
    (tmp_path / "a.json").unlink()

    assert list(Outputs(tmp_path).listed() or {}) == ["b.json"]


def test_writer_that_was_replaced_lists_nothing(tmp_path: Path) -> None:
    with writing(tmp_path, "old") as old:
        (tmp_path / LOCK).unlink()
        with writing(tmp_path, "new"), pytest.raises(RunError, match="took this study over"):
            Outputs(tmp_path, old).put({"a.json": "late"})

    assert Outputs(tmp_path).read("a.json") is None
