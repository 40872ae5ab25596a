"""The tiny study asked of a scripted server; the adapters are scripted too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from safedose import commands, engines
from safedose.progress import Watch
from safedose.store import StudyFolder
from safedose.testing import ScriptedEndpoint, ScriptedTuner
from tiny_study import STUDY, write_study

WATCH = Watch(quiet=True)
ENGINES = engines.Engines(
    tuner=lambda *_: ScriptedTuner(), generator=engines.LOCAL.generator, count_tokens=engines.LOCAL.count_tokens
)


def write(folder: Path, server: ScriptedEndpoint, *, budget: dict[str, Any] | None = None, **endpoint: Any) -> Path:
    """Write the tiny study for a server; gives the study file."""
    settings = {"url": server.url, "timeout": 5.0, "max_attempts": 1, **endpoint}
    return write_study(folder, generate=STUDY["generate"] | {"endpoint": settings}, budget=budget or {})


def tune(file: Path) -> dict[str, str]:
    """Do a study up to its adapters; gives the name of each arm's adapter."""
    from safedose.generation.endpoint import adapter_name

    for verb in ("mix", "tune"):
        commands.run_stage(verb, file, [], WATCH, ENGINES)
    folder = StudyFolder(file.parent)
    return {arm.id: adapter_name(folder.adapter(arm).path) for arm in folder.tuned_arms()}


def run(file: Path) -> StudyFolder:
    """Do a study to its end."""
    return commands.run(file, [], WATCH, ENGINES)[0]
