"""Units of work: artefacts with keys, committed so that a reader trusts only what is complete.

A unit is a file or folder under the study. It is written under a temporary name, flushed to disk,
renamed, and only then listed in a manifest beside it, which holds the unit's key, and size and sha256 of every
file. What has no manifest, or a manifest with another key, does not exist for a reader; what differs from its
manifest is damaged: a writer sets it aside and makes it again.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Literal

from safedose.errors import RunError
from safedose.store.durable import (
    PARTIAL,
    digest,
    explaining,
    hash_files,
    partial_of,
    place,
    read_json,
    remove,
    staging,
    write_text,
)
from safedose.store.writer import Writer

STAGE_VERSIONS = {"mix": 2, "tune": 2, "prove": 1, "generate": 3, "judge": 1, "reread": 1}
"""Raised whenever a stage would write other bytes for the same inputs; part of every key."""

MANIFEST = ".manifest.json"
"""Ending of the file beside a unit that says it is committed."""

_CARD = ("README.md", "README.md" + PARTIAL)
"""In no hash: the model card learns its metrics after its adapter was committed, and a stop may leave half of it."""

Condition = Literal["committed", "absent", "other", "damaged"]
"""How a unit stands: as its key says, not there, made from another key, or not what was committed."""


def stage_key(stage: str, **inputs: Any) -> str:
    """Make the key of a unit from its stage and everything that can change its bytes."""
    return digest({"stage": stage, "version": STAGE_VERSIONS[stage], **inputs})


@dataclasses.dataclass(frozen=True, slots=True)
class Unit:
    """One artefact of a study: where it lies and the key of what it was, or is to be, made from.

    Attributes:
        path: A file or folder.
        key: Hash of everything that can change its bytes.
        writer: The right to write to the study; None reads only, or writes outside any study.
    """

    path: Path
    key: str
    writer: Writer | None = dataclasses.field(default=None, compare=False, repr=False)

    @property
    def manifest_path(self) -> Path:
        """The file beside the artefact that says it is committed."""
        return self.path.with_name(self.path.name + MANIFEST)

    @property
    def journal(self) -> Path:
        """Where the finished parts of the unit are kept while it is in progress."""
        return self.path.with_name(self.path.name + ".journal")

    def manifest(self) -> dict[str, Any]:
        """Read `key` and `files` of what is committed here; empty when nothing is, or the manifest is damaged."""
        manifest = read_json(self.manifest_path)
        check = manifest.pop("check", None)
        return manifest if check == digest(manifest) and {"key", "files"} <= set(manifest) else {}

    def files(self) -> dict[str, dict[str, Any]]:
        """Hash what lies there now: `sha256` and `size` per file, as a manifest lists them; reads every byte."""
        return hash_files(self.path, without=_CARD)

    def condition(self) -> Condition:
        """Compare what lies there with its manifest and the key; reads every byte, changes nothing."""
        if not self.manifest_path.is_file():
            return "absent"
        manifest = self.manifest()
        if manifest and manifest["key"] != self.key:
            return "other"
        return "committed" if manifest and manifest["files"] == self.files() else "damaged"

    def is_committed(self) -> bool:
        """Say whether the artefact is there, complete, undamaged and made from this key.

        With a writer, a damaged artefact is set aside, and what a stop left of a finished one is swept.
        """
        condition = self.condition()
        if condition == "damaged" and self.writer:
            self.writer.quarantine(self.path if self.manifest() else self.manifest_path)
            remove(self.manifest_path)
        if condition == "committed" and self.writer:
            remove(self.journal)
            remove(partial_of(self.path))  # of a process that was replaced before its commit
        return condition == "committed"

    def exists(self) -> bool:
        """Say whether something is committed here, from whatever key."""
        return self.manifest_path.is_file()

    def content(self) -> str:
        """Hash of the committed bytes: what later stages build their keys on.

        Raises:
            RunError: When nothing is committed here.
        """
        manifest = self.manifest()
        if not manifest:
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
        if self.manifest()["files"] != self.files():
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

        Raises:
            RunError: When nothing was written, the system refused it, or another writer took the study over.
        """
        with staging(self.path) as temporary:
            yield temporary
        with explaining(temporary):
            files = hash_files(temporary, without=_CARD)
            if temporary.is_file():
                files = {self.path.name: files[temporary.name]}
            body = {"key": self.key, "files": files}
            with self._recorded(key=self.key, content=digest(files)):
                remove(self.manifest_path)
                place(temporary, self.path)
            with self.writer.alone() if self.writer else nullcontext():
                # after its row: whatever has a manifest is as the ledger's last word on it, wherever a kill falls
                write_text(self.manifest_path, json.dumps(body | {"check": digest(body)}, indent=1) + "\n")
            remove(self.journal)

    def _recorded(self, **detail: str) -> AbstractContextManager[None]:
        return self.writer.commit("committed", self.path, **detail) if self.writer else nullcontext()
