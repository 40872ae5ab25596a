"""The tiny study done by engines that follow a script: all six stages in half a second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from safedose import commands
from safedose.engines import Engines
from safedose.interfaces import Tuner
from safedose.progress import Watch
from safedose.store import StudyFolder
from safedose.testing import ScriptedGenerator, ScriptedTuner
from tiny_study import write_study

WATCH = Watch(quiet=True)


def engines(*, answer: Callable[[str], str] = str.upper, tuner: Tuner | None = None) -> Engines:
    """Give engines of which one may be another than the study was made by."""
    return Engines(
        tuner=lambda *_: tuner or ScriptedTuner(),
        generator=lambda *_: ScriptedGenerator(answer),
        count_tokens=lambda _base, _study, prompts: [len(prompt.text) for prompt in prompts],
    )


def finish(folder: Path) -> Path:
    """Write the tiny study to a folder and do it; gives the folder."""
    commands.run(write_study(folder), [], WATCH, engines())
    return folder


def an_arm(study: Path) -> Path:
    """Give the folder of one of a study's tuned arms."""
    return study / "arms" / StudyFolder(study).tuned_arms()[1].id
