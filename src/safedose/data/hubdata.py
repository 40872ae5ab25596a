"""Data sets of the Hub by owner/name, with an optional @revision: fetched by `safedose data fetch`, read like files."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from pathlib import Path

from safedose.data.places import hash_of
from safedose.errors import InputError, Unfetched
from safedose.hub import COMMIT, explained, is_hub_id
from safedose.store.durable import digest

_ENDINGS = (".jsonl", ".ndjson", ".json", ".csv", ".jsonl.gz", ".ndjson.gz", ".json.gz", ".csv.gz", ".parquet")
_ASIDE = re.compile(r"(^|/)(dataset_infos?|dataset_dict|state|config|croissant)\.json$")  # about rows, no rows
_TRAIN = re.compile(r"(?<![a-z])train(?![a-z])")


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
        """Repository and the first digits of the commit, for the rows that come from it."""
        return f"{self.name.partition('@')[0]}@{self.commit[:8]}"

    @property
    def sha256(self) -> str:
        """One hash for all files: of the list of theirs."""
        return digest([hash_of(file) for file in self.files])


def is_hub_data(name: str, *, root: Path) -> bool:
    """Say whether a source is a data set of the Hub: no file of that name, and no ending of a file of rows."""
    return is_hub_id(name) and not name.endswith(_ENDINGS) and not (root / name).exists()


def find_hub_data(name: str, pattern: str | None) -> HubData:
    """Find the files of a data set that was fetched before; asks nobody.

    Args:
        name: owner/name, with an optional @revision: a commit, branch or tag.
        pattern: Which files of rows, such as `data/train-*.parquet`; None: all if there is one, else those with
            `train` in their path.

    Raises:
        Unfetched: When nothing of it is on this machine.
        InputError: When the pattern fits no file, or without one it is not plain which are meant.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    repository, _, revision = name.partition("@")
    wanted = _wanted(pattern)
    try:
        found = snapshot_download(
            repository, repo_type="dataset", revision=revision or "main", allow_patterns=wanted, local_files_only=True
        )
    except LocalEntryNotFoundError:
        raise Unfetched(
            f"the data set {name!r} is not on this machine", where="data in the study file",
            cause="it was not fetched yet: a study downloads no data by itself; or the path of a file is misspelt",
            fix=f"`safedose data fetch {name}`{f' --files {pattern!r}' if pattern else ''}", source=name,
        ) from None  # fmt: skip
    return HubData(name, Path(found).name, _chosen(name, Path(found), pattern))


def fetch_hub_data(name: str, pattern: str | None) -> HubData:
    """Fetch the files of rows of a data set from the Hub; what is here already is not fetched again.

    Raises:
        InputError: When the Hub has no such data set, guards it, or the pattern fits nothing.
        Unfetched: When the Hub cannot be reached.
    """
    from huggingface_hub import HfApi, snapshot_download

    repository, _, revision = name.partition("@")
    offline = "run where there is a network, or copy the files here and give their path"
    with explained(f"the data set {name!r}", "safedose data fetch", offline=offline, source=name):
        if not COMMIT.fullmatch(revision):  # says at once what a download would say after minutes of trying
            HfApi().dataset_info(repository, revision=revision or None, timeout=20)
        snapshot_download(repository, repo_type="dataset", revision=revision or "main", allow_patterns=_wanted(pattern))
    return find_hub_data(name, pattern)


def _wanted(pattern: str | None) -> list[str]:
    return [pattern] if pattern else [f"*{ending}" for ending in _ENDINGS]


def _chosen(name: str, folder: Path, pattern: str | None) -> tuple[Path, ...]:
    """Choose the files of rows; a guess would train on a test split in silence."""
    paths = {file.relative_to(folder).as_posix(): file for file in sorted(folder.rglob("*")) if file.is_file()}
    rows = {path: file for path, file in paths.items() if path.endswith(_ENDINGS) and not _ASIDE.search(path)}
    if pattern:
        meant = {path: file for path, file in rows.items() if fnmatch.fnmatch(path, pattern)}
    else:
        train = {path: file for path, file in rows.items() if _TRAIN.search(path.lower())}
        meant = rows if len(rows) == 1 else train
    if not meant or (not pattern and len({Path(path).parent for path in meant}) > 1):
        listed = ", ".join(list(rows)[:12]) or "none"
        raise InputError(
            f"it is not plain which files of {name!r} are meant", where="data.*.files",
            cause=f"its files of rows are {listed}", fix="name them in `files`, such as data/train-*.parquet",
        )  # fmt: skip
    return tuple(meant.values())
