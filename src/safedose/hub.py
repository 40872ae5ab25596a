"""Models of the Hugging Face Hub: pinned to a commit, fetched once, looked at without their weights."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from safedose.errors import InputError, Unfetched

COMMIT = re.compile(r"[0-9a-f]{40}")
_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}(@[\w./-]{1,255})?")

LIGHT = ("*.json", "*.jinja", "tokenizer.model")
"""What says how a model is built and how it reads; never code, never pickles."""
WEIGHTS = "*.safetensors"
_WHOLE = (*LIGHT, WEIGHTS)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A model of the Hub on this machine.

    Attributes:
        path: Folder with its files.
        commit: The 40 digits that say which state of the repository this is.
        complete: Whether its weights are here too.
    """

    path: Path
    commit: str
    complete: bool


def is_hub_id(name: str) -> bool:
    """Say whether a name can be one of the Hub: owner/name, with an optional @revision."""
    return bool(_ID.fullmatch(name)) and ".." not in name


def find_snapshot(name: str, *, root: Path, weights: bool) -> Snapshot:
    """Find a model of the Hub on this machine, fetching what is not here.

    The commit is that of the name, else the one this study used before (`lock.json`), else what the Hub says the
    revision is now, else, offline, what it was when it was fetched last.

    Args:
        name: owner/name, with an optional @revision: a commit, branch or tag.
        root: The study's folder.
        weights: Fetch the weights as well; they can be many gigabytes.

    Raises:
        InputError: When the Hub has no such model, guards it, or has no safetensors of it.
        Unfetched: When it is not here and the Hub cannot be reached.
    """
    from huggingface_hub import snapshot_download

    repository, _, revision = name.partition("@")
    commit = revision if COMMIT.fullmatch(revision) else read_commits(root).get(name)
    commit = commit or _ask_commit(name, repository, revision)
    for wanted in (_WHOLE, LIGHT):
        path = _here(repository, commit, wanted)
        if path and (path / "config.json").exists() and (_has_weights(path) or not weights):
            return Snapshot(path, commit, complete=_has_weights(path))
    _ask_commit(name, repository, commit)  # says at once what a download would say after minutes of trying
    with _explained(name):
        wanted = _WHOLE if weights else LIGHT
        path = Path(snapshot_download(repository, revision=commit, allow_patterns=list(wanted)))
    return Snapshot(path, commit, complete=_has_weights(path))


def read_commits(root: Path) -> dict[str, str]:
    """Read which commit each base of a study was when it was first used; empty before, or where that is damaged."""
    try:
        found = json.loads((root / "lock.json").read_text(encoding="utf-8")).get("commits", {})
        return {name: commit for name, commit in found.items() if COMMIT.fullmatch(commit)}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def hub_access() -> tuple[Path, bool]:
    """Say where bases from the Hub are kept, and whether only those are used that are there; asks nobody."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE), bool(constants.HF_HUB_OFFLINE)


def _ask_commit(name: str, repository: str, revision: str) -> str:
    from huggingface_hub import HfApi

    try:
        with _explained(name):
            found = HfApi().model_info(repository, revision=revision or None, timeout=20)
    except Unfetched:
        if here := _here(repository, revision or "main", LIGHT):
            return here.name
        raise
    if not any(file.rfilename.endswith(".safetensors") for file in found.siblings or ()):
        raise InputError(
            f"base {name!r} has no safetensors weights", where=f"the Hub, commit {found.sha}",
            cause="only pickled weights were published, or it is no model",
            fix="choose a revision or a copy with safetensors; pickled weights are never loaded",
        )  # fmt: skip
    return str(found.sha)


def _here(repository: str, revision: str, wanted: tuple[str, ...]) -> Path | None:
    """Give the folder of a snapshot of which the wanted files were fetched before; asks nobody."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(
            snapshot_download(repository, revision=revision, allow_patterns=list(wanted), local_files_only=True)
        )
    except LocalEntryNotFoundError:
        return None


def _has_weights(path: Path) -> bool:
    """Say whether every file of weights is there that the index names, or one where there is no index."""
    index = path / "model.safetensors.index.json"
    if not index.exists():
        return any(path.glob(WEIGHTS))
    try:
        files = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return any(path.glob(WEIGHTS))  # broken: whoever loads it says so
    return all((path / file).exists() for file in files)


@contextmanager
def explained(what: str, where: str, *, offline: str, source: str = "") -> Iterator[None]:
    """Tell apart what the Hub refuses and that it cannot be reached.

    Args:
        what: Names the thing that is asked for.
        where: Where it is named.
        offline: What to do where the Hub cannot be reached.
        source: As in `Unfetched`.
    """
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, HFValidationError

    problem, fix = f"{what} is neither a folder nor to be had from the Hub", "check the Hub id and its revision"
    try:
        yield
    except GatedRepoError as error:
        fix = "accept its licence on its page, then log in with `hf auth login` or set HF_TOKEN"
        raise InputError(problem, where=where, cause=_first_line(error), fix=fix) from None
    except (HFValidationError, HfHubHTTPError) as error:
        raise InputError(problem, where=where, cause=_first_line(error), fix=fix) from None
    except Exception as error:  # whatever the HTTP library of the day raises
        cause = f"it was not fetched before, and the Hub cannot be reached: {_first_line(error)}"
        raise Unfetched(problem, where=where, cause=cause, fix=offline, source=source) from None


def _explained(name: str) -> AbstractContextManager[None]:
    offline = "run where there is a network, or give a folder with model and tokenizer, or `smallworld`"
    return explained(f"base {name!r}", "base in the study file", offline=offline)


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
