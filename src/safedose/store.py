"""The study folder: units of work with keys, committed so that a reader trusts only what is complete.

A unit is a file or folder under the study. It is written under a temporary name, flushed to disk,
renamed, and only then listed in a manifest beside it, which holds the unit's key and the sha256 of every
file. What has no manifest, or a manifest with another key, does not exist for a reader.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

from safedose.codec import from_json, to_json
from safedose.errors import InputError, RunError
from safedose.records import UNTUNED, Arm, Summary

STAGE_VERSIONS = {"mix": 1, "tune": 1, "generate": 1, "judge": 1}
"""Raised whenever a stage would write other bytes for the same inputs; part of every key."""

SUMMARY_SCHEMA = 1
_MANIFEST = ".manifest.json"
_TEMPORARY = ".partial"


def digest(value: Any) -> str:
    """Hash anything that JSON can say, in its canonical form; the same on every machine."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def stage_key(stage: str, **inputs: Any) -> str:
    """Make the key of a unit from its stage and everything that can change its bytes."""
    return digest({"stage": stage, "version": STAGE_VERSIONS[stage], **inputs})


@dataclasses.dataclass(frozen=True, slots=True)
class Unit:
    """One artefact of a study: where it lies and the key of what it was, or is to be, made from."""

    path: Path
    key: str

    @property
    def _manifest(self) -> Path:
        return self.path.with_name(self.path.name + _MANIFEST)

    def is_committed(self) -> bool:
        """Say whether the artefact is there, complete, undamaged and made from this key."""
        manifest = _read_json(self._manifest)
        return bool(manifest) and manifest.get("key") == self.key and manifest.get("files") == _hashes(self.path)

    def exists(self) -> bool:
        """Say whether something is committed here, from whatever key."""
        return self._manifest.is_file()

    def content(self) -> str:
        """Hash of the committed bytes: what later stages build their keys on.

        Raises:
            RunError: When nothing is committed here.
        """
        manifest = _read_json(self._manifest)
        if not manifest.get("files"):
            raise RunError(
                f"{self.path.name} is not there", where=str(self.path),
                cause="the stage that makes it has not run", fix="run `safedose run` on the study file first",
            )  # fmt: skip
        return digest(manifest["files"])

    def committed(self) -> Path:
        """Give the path to read from, after comparing every file with its hash.

        Raises:
            RunError: When nothing is committed here, or a file was changed since.
        """
        self.content()
        if _read_json(self._manifest).get("files") != _hashes(self.path):
            raise RunError(
                f"{self.path.name} is not what was committed", where=str(self.path),
                cause="the disk damaged it, or somebody changed it by hand",
                fix="run `safedose run` on the study file: it makes the artefact again",
            )  # fmt: skip
        return self.path

    @contextmanager
    def commit(self) -> Iterator[Path]:
        """Give a temporary path to write to; commit what is there when the block ends without an error.

        For a folder, make the path a directory; for a file, write it. An error or a kill leaves at most
        a `*.partial`, which the next commit of the unit removes.
        """
        temporary = self.path.with_name(self.path.name + _TEMPORARY)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        _remove(temporary)
        yield temporary
        if not temporary.exists():
            raise RunError(
                f"nothing was written for {self.path.name}", where=str(self.path),
                cause="the stage ended without its artefact", fix="run the same command again",
            )  # fmt: skip
        files = [temporary] if temporary.is_file() else sorted(p for p in temporary.rglob("*") if p.is_file())
        for file in files:
            _flush(file)
        _remove(self._manifest)
        _remove(self.path)
        temporary.rename(self.path)
        write_text(self._manifest, json.dumps({"key": self.key, "files": _hashes(self.path)}, indent=1) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file so that a reader sees the old content or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + _TEMPORARY)
    temporary.write_text(text, encoding="utf-8")
    _flush(temporary)
    temporary.replace(path)
    _flush(path.parent)


@final
class StudyFolder:
    """The folder of one study: where everything lies, which arms it has, what happened in it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def study_file(self) -> Path:
        """The settings the study runs with."""
        return self.path / "study.yaml"

    def seal(self, arms: Sequence[Arm]) -> None:
        """Write down which arms the study has; what is already committed for them stays valid."""
        write_text(self.path / "plan.jsonl", "".join(json.dumps(to_json(arm)) + "\n" for arm in arms))

    def arms(self) -> tuple[Arm, ...]:
        """List the sealed arms in order; empty before the first `run` or import."""
        plan = self.path / "plan.jsonl"
        if not plan.is_file():
            return ()
        lines = plan.read_bytes().splitlines()
        try:
            return tuple(from_json(json.loads(line), Arm) for line in lines)
        except (ValueError, TypeError) as error:
            raise RunError(
                f"the sealed plan cannot be read: {error}", where=str(plan),
                cause="the disk damaged it, or somebody changed it by hand",
                fix="run `safedose run` on the study file: it seals the plan again and keeps finished work",
            ) from error  # fmt: skip

    def tuned_arms(self) -> tuple[Arm, ...]:
        """List the sealed arms that have an adapter: all but the untuned reference."""
        return tuple(arm for arm in self.arms() if arm.run != UNTUNED)

    def suites(self, arm: Arm) -> tuple[str, ...]:
        """List the suites an arm has answered, sorted."""
        files = (self.path / "arms" / arm.id / "responses").glob("*.parquet")
        return tuple(sorted(file.stem for file in files))

    def mixture(self, arm: Arm, *, key: str = "") -> Unit:
        """The training rows of an arm."""
        return Unit(self.path / "arms" / arm.id / "mixture.parquet", key)

    def adapter(self, arm: Arm, *, key: str = "") -> Unit:
        """The tuned adapter of an arm: a folder in PEFT layout and `tuning.json`."""
        return Unit(self.path / "arms" / arm.id / "adapter", key)

    def responses(self, arm: Arm, suite: str, *, key: str = "") -> Unit:
        """What an arm said to a suite."""
        return Unit(self.path / "arms" / arm.id / "responses" / f"{suite}.parquet", key)

    def verdicts(self, arm: Arm, judge: str, suite: str, *, key: str = "") -> Unit:
        """What a judge read in an arm's responses to a suite."""
        folder = re.sub(r"[^A-Za-z0-9_-]+", "-", judge)
        if folder != judge:  # two ids must not share a folder
            folder = f"{folder}-{digest(judge)[:8]}"
        return Unit(self.path / "arms" / arm.id / "verdicts" / folder / f"{suite}.parquet", key)

    def write_summary(self, summary: Summary) -> None:
        """Write `summary.json`; its schema number changes when a reader has to."""
        text = json.dumps({"schema": SUMMARY_SCHEMA, **to_json(summary)}, indent=1, allow_nan=False)
        write_text(self.path / "summary.json", text + "\n")

    def summary(self) -> Summary:
        """Read `summary.json`.

        Raises:
            InputError: When the study was not estimated yet.
        """
        path = self.path / "summary.json"
        value = _read_json(path)
        if value.get("schema") != SUMMARY_SCHEMA:
            raise InputError(
                "this study has no summary that can be read", where=str(path),
                cause="the stage `estimate` has not run, or another version of safedose wrote it",
                fix=f"run `safedose estimate {self.path}`",
            )  # fmt: skip
        return from_json(value, Summary)

    def lock(self) -> dict[str, Any]:
        """Read what was recorded about the last verb that worked here; empty when nothing was."""
        return _read_json(self.path / "lock.json")

    def log(self, **event: Any) -> None:
        """Append one event to the study's log."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "log.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(event) + "\n")

    def events(self) -> list[dict[str, Any]]:
        """Read the log; a line that a kill cut short is left out."""
        path = self.path / "log.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        return [event for line in lines if (event := _parse(line))]


def find_study(folder: Path) -> StudyFolder:
    """Open the study that a folder, or a study file in it, belongs to.

    Raises:
        InputError: When it is not.
    """
    if folder.is_file() and folder.name.endswith((".yaml", ".yml")):
        folder = folder.parent
    if not (folder / "study.yaml").is_file() and not (folder / "arms").is_dir():
        raise InputError(
            f"{folder} is no study folder", where=str(folder), cause="it holds neither study.yaml nor arms/",
            fix="give the folder that `safedose init`, `run`, `demo` or `import` made",
        )  # fmt: skip
    return StudyFolder(folder)


def _hashes(path: Path) -> dict[str, str]:
    """Hash every file of a unit, named relative to it; the model card may be rewritten and is left out."""
    files: Sequence[Path] = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    found: dict[str, str] = {}
    for file in files:
        name = file.name if file == path else file.relative_to(path).as_posix()
        if name != "README.md":
            with file.open("rb") as stream:
                found[name] = hashlib.file_digest(stream, "sha256").hexdigest()
    return found


def _read_json(path: Path) -> dict[str, Any]:
    return _parse(path.read_bytes()) if path.is_file() else {}


def _parse(text: str | bytes) -> dict[str, Any]:
    """Read one JSON object; anything else counts as not there, so that it is made again."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
