"""Data sets of the Hub by owner/name, with an optional @revision: fetched by `safedose data fetch`, read like files."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from safedose import hub
from safedose.data.places import hash_of
from safedose.errors import InputError, Unfetched
from safedose.store.durable import digest, read_json

_ENDINGS = (".jsonl", ".ndjson", ".json", ".csv", ".jsonl.gz", ".ndjson.gz", ".json.gz", ".csv.gz", ".parquet")
_ASIDE = re.compile(r"(^|/)(dataset_infos?|dataset_dict|state|config|croissant)\.json$")  # about rows, no rows
_TRAIN = re.compile(r"(?<![a-z])train(?![a-z])")
_NUMBER = re.compile(r"(?:^|[-_.])\d+(-of-\d+)?(?:-[0-9a-f]{16})?$")  # of a shard: train-00000-of-00003, 0000
_CARD = "README.md"


@dataclass(frozen=True, slots=True)
class HubData:
    """Files of a data set on this machine.

    Attributes:
        name: As the study names it.
        commit: Which state of its repository.
        files: In the order of their names.
    """

    name: str
    commit: str
    files: tuple[Path, ...]

    @property
    def label(self) -> str:
        """Repository and the first digits of the hash, for the rows that come from it: a new card changes none."""
        return f"{self.name.partition('@')[0]}@{self.sha256[:8]}"

    @property
    def licence(self) -> str:
        """What the card of the data set states; empty where it states none, or cannot be read."""
        return hub.read_licence(hub.snapshot_folder("dataset", self.name.partition("@")[0], self.commit) / _CARD)

    @property
    def sha256(self) -> str:
        """One hash for all files: of the list of theirs."""
        return digest([hash_of(file) for file in self.files])


def is_hub_data(name: str, *, root: Path) -> bool:
    """Say whether a source is a data set of the Hub: no file of that name, and no ending of a file of rows."""
    return not name.endswith(_ENDINGS) and hub.is_hub_id(name) and not (root / name).exists()


def find_hub_data(name: str, pattern: str | None, *, root: Path | None = None) -> HubData:
    """Find the files of a data set that was fetched before; asks nobody.

    The commit is that of the name, else the one the study began with (`lock.json`), else the newest fetched. The files
    are chosen from all that the repository has there, so that one that is not here is missed.

    Args:
        name: owner/name, with an optional @revision: a commit, branch or tag.
        pattern: Which files of rows, such as `data/train-*.parquet`; None: all if there is one, else those with
            the word `train` in their path, if they are one table.
        root: The study's folder; None: there is no study.

    Raises:
        Unfetched: When a file of it is not on this machine.
        InputError: When the pattern fits no file, or without one it is not plain which are meant.
    """
    repository, _, revision = name.partition("@")
    noted = _noted_commit(root, name) if root else ""
    commit = revision if hub.COMMIT.fullmatch(revision) else noted
    commit = commit or hub.commit_here("dataset", repository, revision or "main")
    listed = hub.noted_files("dataset", repository, commit) if commit else None
    chosen = _chosen(name, listed, pattern) if listed is not None else ()
    folder = hub.snapshot_folder("dataset", repository, commit)
    needed = [*chosen, *({_CARD} & set(listed or ()))]
    absent = hub.missing(folder, needed)
    if absent or not chosen:
        here = f", but {len(needed) - len(absent)} of {len(needed)} files" if len(absent) < len(needed) else ""
        exact = f"{repository}@{noted}" if noted and commit == noted else name
        raise Unfetched(
            f"the data set {exact!r} is not on this machine{here}", where="data in the study file",
            cause="it was not fetched to its end: a study downloads no data by itself; or the path of a file is "
            "misspelt",
            fix=f"`safedose data fetch {exact}`{f' --files {pattern!r}' if pattern else ''}",
            source="" if pattern else exact,  # a list of what to fetch has no room for the pattern
        )  # fmt: skip
    return HubData(name, commit, tuple(folder / path for path in chosen))


def fetch_hub_data(name: str, pattern: str | None) -> HubData:
    """Fetch the files of rows of a data set that a study would read, and its card; what is here is not fetched again.

    Raises:
        InputError: When the Hub has no such data set, guards it, the pattern fits nothing, or without one it is not
            plain which files are meant.
        Unfetched: When the Hub cannot be reached.
        RunError: When the Hub's cache cannot be written to.
    """
    repository, _, revision = name.partition("@")
    offline = "run where there is a network, or copy the files here and give their path"
    with hub.explained(f"the data set {name!r}", "safedose data fetch", offline=offline, source=name):
        commit, listed = hub.list_files("dataset", repository, revision)
    hub.note_files("dataset", repository, commit, listed)
    wanted = [*_chosen(name, listed, pattern), *({_CARD} & set(listed))]
    with hub.explained(f"the data set {name!r}", "safedose data fetch", offline=offline, source=name):
        hub.fetch_files("dataset", repository, commit, wanted, revision=revision or "main")
    return find_hub_data(f"{repository}@{commit}", pattern)


def list_hub_data(name: str) -> tuple[str, tuple[Path, ...]]:
    """Give the commit of a data set that was fetched before, and where each of its files of rows lies or would lie.

    Raises:
        Unfetched: When nothing of it was fetched.
    """
    repository, _, revision = name.partition("@")
    commit = revision if hub.COMMIT.fullmatch(revision) else hub.commit_here("dataset", repository, revision or "main")
    listed = hub.noted_files("dataset", repository, commit) if commit else None
    if listed is None:
        raise Unfetched(
            f"the data set {name!r} is not on this machine", where="safedose data check",
            cause="nothing of it was fetched", fix=f"`safedose data fetch {name}`", source=name,
        )  # fmt: skip
    folder = hub.snapshot_folder("dataset", repository, commit)
    return commit, tuple(folder / path for path in _rows_among(listed))


def _noted_commit(root: Path, name: str) -> str:
    """Read which commit of a data set a study began with; empty before, or where its lock is damaged."""
    data = read_json(root / "lock.json").get("data")
    for pinned, entry in data.items() if isinstance(data, dict) else ():
        commit = entry.get("revision") if isinstance(entry, dict) else None
        if pinned.partition(" ")[0] == name and isinstance(commit, str) and hub.COMMIT.fullmatch(commit):
            return commit
    return ""


def _rows_among(listed: Sequence[str]) -> list[str]:
    return [path for path in sorted(listed) if path.endswith(_ENDINGS) and not _ASIDE.search(path)]


def _table_of(path: str) -> tuple[str, str, str]:
    """Say which table a file of rows is a shard of: folder, name without the shard's number, ending."""
    ending = max((one for one in _ENDINGS if path.endswith(one)), key=len)
    folder, _, stem = path.removesuffix(ending).rpartition("/")
    return folder, _NUMBER.sub(r"\1", stem), ending


def _chosen(name: str, listed: Sequence[str], pattern: str | None) -> tuple[str, ...]:
    """Choose files of rows among all of a repository; a guess would train on a test split in silence."""
    rows = _rows_among(listed)
    if pattern:
        meant = [path for path in rows if fnmatch.fnmatchcase(path, pattern)]
    else:
        meant = rows if len(rows) == 1 else [path for path in rows if _TRAIN.search(path.lower())]
    if not meant or (not pattern and len({_table_of(path) for path in meant}) > 1):
        raise InputError(
            f"it is not plain which files of {name!r} are meant", where="data.*.files",
            cause=f"its files of rows are {', '.join(rows[:12]) or 'none'}{', ...' if len(rows) > 12 else ''}",
            fix="name them in `files`, such as data/train-*.parquet",
        )  # fmt: skip
    return tuple(meant)
