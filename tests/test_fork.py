"""A sibling study: free to change, and what still fits is not computed twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from safedose import commands, starting
from safedose.engines import Engines
from safedose.errors import InputError
from safedose.progress import Watch
from safedose.store import StudyFolder
from safedose.testing import ScriptedGenerator, ScriptedTuner
from tiny_study import write_study


class Counted:
    """Scripted engines that count how often each is made."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.engines = Engines(
            tuner=lambda *_: self.made.append("tuner") or ScriptedTuner(),  # type: ignore[func-returns-value]
            generator=lambda *_: self.made.append("generator") or ScriptedGenerator(str.upper),  # type: ignore[func-returns-value]
            count_tokens=lambda _base, _study, prompts: [len(prompt.text) for prompt in prompts],
        )

    def run(self, file: Path, *overrides: str) -> StudyFolder:
        return commands.run(file, overrides, Watch(quiet=True), self.engines)[0]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A finished study beside its base; gives its file."""
    file = write_study(tmp_path / "study", base="../base")
    (tmp_path / "study" / "base").rename(tmp_path / "base")
    Counted().run(file)
    return file


def test_sibling_runs_without_work_as_long_as_nothing_changes(study: Path, tmp_path: Path) -> None:
    counted = Counted()

    counted.run(starting.fork(study.parent, tmp_path / "sibling"))

    assert counted.made == []


def test_sibling_keeps_adapters_when_only_decoding_changes(study: Path, tmp_path: Path) -> None:
    counted = Counted()

    counted.run(starting.fork(study.parent, tmp_path / "sibling"), "generate.max_new_tokens=5")

    assert counted.made == ["generator"]


def test_sibling_leaves_the_study_as_it_was(study: Path, tmp_path: Path) -> None:
    def snapshot() -> dict[str, bytes]:
        return {str(file): file.read_bytes() for file in study.parent.rglob("*") if file.is_file()}

    before = snapshot()

    Counted().run(starting.fork(study.parent, tmp_path / "sibling"), "seed=2")

    assert snapshot() == before


def test_relative_paths_lead_where_they_led(study: Path, tmp_path: Path) -> None:
    study.write_text("# mine\n" + study.read_text())

    text = starting.fork(study.parent, tmp_path / "elsewhere" / "sibling").read_text()

    assert text.startswith("# mine\n")
    assert "source: ../../study/instruction.jsonl" in text
    assert "base: ../../base" in text


def test_sibling_is_not_put_over_something(study: Path, tmp_path: Path) -> None:
    (tmp_path / "sibling").mkdir()
    (tmp_path / "sibling" / "mine").touch()

    with pytest.raises(InputError, match="is not empty"):
        starting.fork(study.parent, tmp_path / "sibling")
