"""Options of `safedose judge` that make no command together, and places where rows cannot be written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from safedose.errors import InputError

OTHER_FORMATS = frozenset(
    {".arrow", ".bz2", ".csv", ".db", ".feather", ".gz", ".html", ".json", ".npy", ".parquet", ".pkl", ".sqlite",
     ".tsv", ".xls", ".xlsx", ".xz", ".yaml", ".yml", ".zip", ".zst"}
)  # fmt: skip
"""Endings that promise something else than JSON Lines, in lower case; what has another ending, or none, is written."""


def check_options(study: Path | None, given: Sequence[str], *, to_stdout: bool) -> None:
    """Refuse options of `safedose judge` that make no command together.

    Args:
        study: The folder that was named; None: none was.
        given: The options that were given, such as `--out`.
        to_stdout: Whether rows are to go to stdout.

    Raises:
        InputError: For the first thing that is too many or missing.
    """
    own = [one for one in given if one not in ("--set", "--json")]
    if study is not None and own:
        raise InputError(
            f"a study is named, and {', '.join(own)} beside it", where=own[0],
            cause="a study is judged as its study file says, a file of answers as the command says",
            fix=f"drop {' '.join(own)}, or drop {study} and give --responses FILE",
        )  # fmt: skip
    if study is None and "--responses" not in given:
        raise InputError(
            "nothing is named that could be judged", where="--responses",
            cause="neither a study nor a file of answers is given",
            fix="name a study folder, or give --responses FILE --judge NAME --out FILE.jsonl",
        )  # fmt: skip
    if study is None and "--out" not in given:
        raise InputError(
            "nothing says where the judged rows go", where="--out", cause="a file of answers is never written over",
            fix="add --out FILE.jsonl, or --out - for stdout",
        )  # fmt: skip
    if study is None and "--set" in given:
        raise InputError(
            "--set has nothing to change", where="--set",
            cause="it wins over a study file, and a file of answers has none",
            fix="drop it; a judge's settings stand in a file of their own: --settings FILE.yaml",
        )  # fmt: skip
    if to_stdout and "--json" in given:
        raise InputError(
            "rows and the JSON of --json would both go to stdout", where="--json",
            cause="whoever reads rows would find a summary among them",
            fix="drop --json (what came of it is said on stderr), or write the rows to a file",
        )  # fmt: skip


def target(out: Path) -> Path:
    """Say which file is written: where `out` is a link, what it leads to, so that the link stays."""
    return Path(os.path.realpath(out))


def require_place_for_rows(out: Path, *others: Path | None) -> None:
    """Refuse to write rows where they cannot be, under the name of another format, or over what is read or kept.

    Raises:
        InputError: When `out` is a folder, a device, a link without an end, so named, or one of the others.
    """
    if out.is_dir():
        raise InputError(
            f"{out} is a folder", where="--out", cause="rows need a file", fix="name a .jsonl file in it",
        )  # fmt: skip
    if target(out).is_symlink() or (out.exists() and not out.is_file()):
        what = "a link that leads back to itself" if target(out).is_symlink() else "a device or a pipe"
        raise InputError(
            f"{out} is {what}, not a file", where="--out", cause="a finished file takes the place of what was there "
            "before", fix="name a file, or write - for stdout and lead that where it is wanted",
        )  # fmt: skip
    if ending := next((one.suffix for one in (out, target(out)) if one.suffix.lower() in OTHER_FORMATS), None):
        raise InputError(
            f"{out} ends in {ending}, and rows are written as JSON Lines", where="--out",
            cause="whoever reads the file goes by its ending, and would find another format",
            fix=f"name it {out.name.removesuffix(out.suffix)}.jsonl, and turn that into {ending} with a tool of yours",
        )  # fmt: skip
    for other in filter(None, others):
        if out.absolute() == other.absolute() or (out.exists() and other.exists() and out.samefile(other)):
            raise InputError(
                f"{out} is the file that is read", where="--out", cause="it would be written over",
                fix="name another file",
            )  # fmt: skip
