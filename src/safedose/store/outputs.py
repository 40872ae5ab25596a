"""The outputs of a study: what a stage makes anew from all units whenever it runs, and how a reader trusts it.

`outputs.manifest.json` lists summary, estimates, report and model cards with size and sha256. One rule makes a kill at
any instant harmless: an entry is taken out before its file is touched, and put in when the file is in place. So what
is listed is as it was written, or damaged; what is not listed belongs to a stage that has not finished.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safedose.errors import RunError
from safedose.store.durable import Fence, digest, hash_files, partial_of, read_json, remove, write_text
from safedose.store.unit import MANIFEST
from safedose.store.writer import Writer


@dataclass(frozen=True, slots=True)
class Outputs:
    """The outputs of one study, each named by its path relative to the study.

    Attributes:
        root: The study's folder.
        writer: The right to write to the study; None reads only, or writes outside any study.
    """

    root: Path
    writer: Writer | None = field(default=None, compare=False, repr=False)

    @property
    def manifest(self) -> Path:
        """The file that lists them."""
        return self.root / f"outputs{MANIFEST}"

    def listed(self) -> dict[str, dict[str, Any]] | None:
        """Give `sha256` and `size` per finished output; empty before the first, None when the list is damaged."""
        if not self.manifest.is_file():
            return {}
        manifest = read_json(self.manifest)
        check = manifest.pop("check", None)
        return manifest["files"] if set(manifest) == {"files"} and check == digest(manifest) else None

    def read(self, name: str) -> bytes | None:
        """Give the bytes of an output; None when the stage that makes it has not finished.

        Raises:
            RunError: When they are not what was written.
        """
        while (entry := (self.listed() or {}).get(name)) is not None:
            path = self.root / name
            content = path.read_bytes() if path.is_file() else b""
            if entry == _entry(content):
                return content
            if (self.listed() or {}).get(name) == entry:  # else it was written again meanwhile
                raise RunError(
                    f"{name} is not what was written", where=str(path),
                    cause="the disk damaged it, or somebody changed it by hand",
                    fix=f"run `safedose estimate {self.root}`, then report: they make it again",
                )  # fmt: skip
        return None

    def withdraw(self, *names: str) -> None:
        """Take outputs out of the list: they are about to change, or to go."""
        listed = self.listed() or {}
        if listed.keys() & set(names):
            self._write({name: entry for name, entry in listed.items() if name not in names})

    @contextmanager
    def rewriting(self, *names: str) -> Iterator[None]:
        """Let the block write outputs; they are listed when it ends without an error."""
        self._tell_damage(names)
        self.withdraw(*names)
        yield
        files = {name: entry for name in names for entry in hash_files(self.root / name).values()}
        self._write((self.listed() or {}) | files)

    def put(self, texts: Mapping[str, str]) -> None:
        """Write outputs, by name; one that is finished and says this very text is not touched."""
        listed = self.listed() or {}
        changed = {}
        for name, text in texts.items():
            file, entry = self.root / name, _entry(text.encode())
            if listed.get(name) != entry or not file.is_file() or _entry(file.read_bytes()) != entry:
                changed[name] = text
            elif self.writer:
                remove(partial_of(file))  # of a process that was replaced before it was done
        if changed:
            with self.rewriting(*changed):
                for name, text in changed.items():
                    write_text(self.root / name, text, fence=self.fence())

    def fence(self) -> Fence:
        """Keep a writer that was replaced from putting anything in place."""
        return self.writer.alone() if self.writer else nullcontext()

    def _tell_damage(self, names: Collection[str]) -> None:
        """Remember to tell the person what was damaged and is made again now."""
        listed = self.listed()
        damaged = [self.manifest.name] if listed is None else []
        for name, entry in (listed or {}).items():
            if name in names and list(hash_files(self.root / name).values()) != [entry]:
                damaged.append(name)
        if self.writer:
            self.writer.notes += [f"{name} was damaged: made again" for name in damaged]

    def _write(self, files: Mapping[str, Any]) -> None:
        body = {"files": dict(sorted(files.items()))}
        write_text(self.manifest, json.dumps(body | {"check": digest(body)}, indent=1) + "\n", fence=self.fence())


def _entry(content: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
