"""A study that is right, for tests to make wrong, and what must come of it: exit 2, four parts, nothing written."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from cli_call import Call
from safedose.records import Axis
from safedose.testing import ScriptedJudge
from tiny_study import write_study

Refused = Callable[..., str]


def nameless() -> ScriptedJudge:
    """A judge whose id is no name."""
    return ScriptedJudge({}, id=" \n")


def blind() -> ScriptedJudge:
    """A judge that looks at nothing there is."""
    return ScriptedJudge({}, axis=cast(Axis, "beauty"))


def broken() -> ScriptedJudge:
    """A judge that cannot be made."""
    raise FileNotFoundError("weights")


def snapshot(folder: Path) -> dict[str, bytes | None]:
    """Read everything below a folder: the bytes of each file, None for a folder or a link."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() and not path.is_symlink() else None
        for path in folder.rglob("*")
    }


@pytest.fixture(scope="session")
def right(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a study that `plan` accepts; no test changes it."""
    return write_study(tmp_path_factory.mktemp("right") / "study").parent


@pytest.fixture
def study(right: Path, tmp_path: Path) -> Path:
    """The study file of a copy of it, which shares the base; whatever is written beside it would be seen."""
    folder = tmp_path / "study"
    folder.mkdir()
    for file in right.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    (folder / "base").symlink_to(right / "base")
    return folder / "study.yaml"


@pytest.fixture
def refused(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Refused:
    """Give a function that runs a command, sees it refused as it should be, and gives back what it said."""
    monkeypatch.chdir(tmp_path)

    def refuse(*arguments: object, saying: str = "") -> str:
        before = snapshot(tmp_path)
        done = call(*arguments)
        assert (done.code, done.out) == (2, ""), done
        told = re.fullmatch(r"error: \S.*\n  where: \S.*\n  cause: \S.*\n  fix:   \S.*\n", done.err)
        assert told, done.err
        assert "Traceback" not in done.err
        assert saying in done.err
        assert snapshot(tmp_path) == before
        return done.err

    return refuse
