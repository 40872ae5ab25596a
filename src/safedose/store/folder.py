"""The study folder: where everything of a study lies, which arms it has, and what happened in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

from safedose.codec import from_json, to_json, write_records
from safedose.errors import InputError, RunError
from safedose.findings import Estimate, Summary
from safedose.kinds import is_name
from safedose.records import UNTUNED, Arm, Failure
from safedose.store.durable import digest, parse_json, read_json, replacing, write_text
from safedose.store.outputs import Outputs
from safedose.store.seal import Batches, Seal, from_lines, to_lines
from safedose.store.unit import Unit
from safedose.store.writer import Writer, writing

SUMMARY_SCHEMA = 1

REREADINGS = "rereadings"
"""Folder of the second readings, a file per judge."""


@final
class StudyFolder:
    """The folder of one study: where everything lies, which arms it has, what happened in it.

    Args:
        path: The folder.
        root: Where relative paths of the study file start; None: the folder itself.
    """

    def __init__(self, path: Path, *, root: Path | None = None) -> None:
        self.path = path
        self.root = root or path
        self.writer: Writer | None = None
        self._sealed: Seal | None = None

    @contextmanager
    def writing(self, command: str) -> Iterator[Writer]:
        """Become the one writer of the study; until the block ends its units can be committed.

        Raises:
            InputError: When the folder cannot be written to.
            RunError: When another process writes to the study.
        """
        with writing(self.path, command) as self.writer:
            try:
                yield self.writer
            finally:
                self.writer = None

    @property
    def study_file(self) -> Path:
        """The settings the study runs with."""
        return self.path / "study.yaml"

    @property
    def _plan(self) -> Path:
        return self.path / "plan.jsonl"

    def seal(self, seal: Seal) -> None:
        """Write down what the study is made of, which arms it has and which prompts share a batch."""
        unit = Unit(self._plan, digest(seal.made_of), self.writer)
        text = to_lines(seal)
        if not unit.is_committed() or unit.path.read_text(encoding="utf-8") != text:
            with unit.commit() as path:
                path.write_text(text, encoding="utf-8")
        self._sealed = seal

    def sealed(self) -> Seal | None:
        """Read the sealed plan; None before the first `run` or import.

        Raises:
            RunError: When it is damaged.
        """
        unit = Unit(self._plan, "")
        if self._sealed is None and unit.exists():
            try:
                self._sealed = from_lines(unit.committed().read_text(encoding="utf-8"))
            except (RunError, ValueError, TypeError, KeyError) as error:
                raise RunError(
                    f"the sealed plan cannot be read: {str(error).splitlines()[0]}", where=str(self._plan),
                    cause="the disk damaged it, or somebody changed it by hand",
                    fix="run `safedose run` on the study file: it seals the plan again and keeps finished work",
                ) from error  # fmt: skip
        return self._sealed

    def arms(self) -> tuple[Arm, ...]:
        """List the sealed arms in order; empty before the first `run` or import."""
        sealed = self.sealed()
        return sealed.arms if sealed else ()

    def tuned_arms(self) -> tuple[Arm, ...]:
        """List the sealed arms that have an adapter: all but the untuned reference."""
        return tuple(arm for arm in self.arms() if arm.run != UNTUNED)

    def working_arms(self) -> tuple[Arm, ...]:
        """List the sealed arms that can be asked: all but those whose training failed."""
        failed = {failure.arm for failure in self.failures()}
        return tuple(arm for arm in self.arms() if arm.id not in failed)

    def failures(self) -> tuple[Failure, ...]:
        """List the trainings that broke off, in the order of the arms."""
        records = [unit.committed() for unit in map(self.failure, self.tuned_arms()) if unit.exists()]
        return tuple(from_json(json.loads(record.read_bytes()), Failure) for record in records)

    def batches(self, base: str, suite: str) -> Batches:
        """Give the sealed batches in which the arms of a base answer a suite."""
        sealed = self.sealed()
        return sealed.batches[base, suite] if sealed else ()

    def checkpoints(self, arm: Arm) -> Path:
        """Where the tuning of an arm keeps what it needs to go on after a stop."""
        return self.path / "arms" / arm.id / "checkpoints"

    def suites(self, arm: Arm) -> tuple[str, ...]:
        """List the suites an arm has answered, sorted."""
        files = (self.path / "arms" / arm.id / "responses").glob("*.parquet")
        return tuple(sorted(file.stem for file in files))

    def mixture(self, arm: Arm, *, key: str = "") -> Unit:
        """The training rows of an arm."""
        return Unit(self.path / "arms" / arm.id / "mixture.parquet", key, self.writer)

    def adapter(self, arm: Arm, *, key: str = "") -> Unit:
        """The tuned adapter of an arm: a folder in PEFT layout, and `tuning.json` or `imported.json`."""
        return Unit(self.path / "arms" / arm.id / "adapter", key, self.writer)

    def proof(self, arm: Arm, *, key: str = "") -> Unit:
        """That an adapter from elsewhere does something; there once it was put on its base."""
        return Unit(self.path / "arms" / arm.id / "proof.json", key, self.writer)

    def failure(self, arm: Arm, *, key: str = "") -> Unit:
        """Why an arm has no adapter; there for arms whose training failed."""
        return Unit(self.path / "arms" / arm.id / "failed.json", key, self.writer)

    def responses(self, arm: Arm, suite: str, *, key: str = "") -> Unit:
        """What an arm said to a suite."""
        return Unit(self.path / "arms" / arm.id / "responses" / f"{suite}.parquet", key, self.writer)

    def verdicts(self, arm: Arm, judge: str, suite: str, *, key: str = "") -> Unit:
        """What a judge read in an arm's responses to a suite."""
        return Unit(self.path / "arms" / arm.id / "verdicts" / _named(judge) / f"{suite}.parquet", key, self.writer)

    def rereadings(self, judge: str, *, key: str = "") -> Unit:
        """What a judge that asks a server said of some answers when it read them a second time."""
        return Unit(self.path / REREADINGS / f"{_named(judge)}.parquet", key, self.writer)

    def card(self, arm: Arm) -> str:
        """Name of an arm's model card among the outputs; it lies in the adapter's folder, and goes with it."""
        return f"arms/{arm.id}/adapter/README.md"

    @property
    def outputs(self) -> Outputs:
        """What is made anew from all units: summary, estimates, report, model cards."""
        return Outputs(self.path, self.writer)

    def withdraw_findings(self) -> None:
        """Take summary, estimates and report out of the outputs: what they rest on is about to change."""
        self.outputs.withdraw("estimates.parquet", "summary.json", "report.html")

    def write_summary(self, summary: Summary) -> None:
        """Write `estimates.parquet` and `summary.json`; its schema number changes when a reader has to."""
        text = json.dumps({"schema": SUMMARY_SCHEMA, **to_json(summary)}, indent=1, allow_nan=False)
        with self.outputs.rewriting("estimates.parquet", "summary.json"):
            with replacing(self.path / "estimates.parquet", fence=self.outputs.fence()) as path:
                write_records(path, summary.estimates, Estimate)
            write_text(self.path / "summary.json", text + "\n", fence=self.outputs.fence())

    def summary(self) -> Summary:
        """Read `summary.json`.

        Raises:
            InputError: When the study was not estimated yet.
            RunError: When it is damaged.
        """
        value = parse_json(self.outputs.read("summary.json") or b"")
        if value.get("schema") != SUMMARY_SCHEMA:
            raise InputError(
                "this study has no summary that can be read", where=str(self.path / "summary.json"),
                cause="the stage `estimate` has not run or was stopped, verdicts were made since, or another version "
                "of safedose wrote it",
                fix=f"run `safedose estimate {self.path}`",
            )  # fmt: skip
        return from_json(value, Summary)

    def lock(self) -> dict[str, Any]:
        """Read what was recorded about the last verb that worked here; empty when nothing was."""
        return read_json(self.path / "lock.json")

    def log(self, **event: Any) -> None:
        """Append one event to the study's log."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "log.jsonl").open("ab+") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - 1))
            torn = stream.read(1) not in (b"", b"\n")  # a kill cut the last line short: it must not take this one
            stream.write(b"\n" * torn + json.dumps(event).encode() + b"\n")

    def events(self) -> list[dict[str, Any]]:
        """Read the log; a line that a kill cut short is left out."""
        path = self.path / "log.jsonl"
        lines = path.read_bytes().split(b"\n") if path.is_file() else []
        return [event for line in lines if (event := parse_json(line))]


def _named(judge: str) -> str:
    """Make a folder name of a judge's id; no two ids share one, also where upper and lower case are the same."""
    if re.fullmatch("[a-z0-9][a-z0-9_-]{0,63}", judge) and is_name(judge):
        return judge
    words = re.sub(r"[^a-z0-9]+", "-", judge.lower()).strip("-")[:40]
    return f"{words or 'judge'}-{digest(judge)[:8]}"


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
