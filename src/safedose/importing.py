"""Bringing in what was made elsewhere: a file of responses becomes a study folder that can be judged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from safedose.codec import to_json, write_records
from safedose.data.readers import read_rows
from safedose.data.rows import BadRows
from safedose.errors import InputError
from safedose.generation.imported import read_imported
from safedose.plainyaml import read_yaml, write_yaml
from safedose.records import Arm, Response
from safedose.store import StudyFolder, digest, write_text
from safedose.store.durable import replacing
from safedose.store.seal import Seal
from safedose.studyfile import parse_study
from safedose.suites.catalogue import expected_of


def import_responses(
    source: Path, out: Path, mapping: Sequence[str], *, skip_bad: bool = False
) -> tuple[StudyFolder, int]:
    """Turn a file of responses made elsewhere into a study folder that can be judged.

    Only rows that cannot be read can be left out; one that lacks what a response needs is an error either way.

    Returns:
        The folder, and how many rows were left out.

    Raises:
        InputError: When a row cannot be understood, or the folder holds something already.
    """
    require_new(out)
    bad = BadRows(skip=skip_bad)
    arms, responses = read_imported(read_rows(source, bad=bad), mapping=read_mapping(mapping), expected_of=expected_of)
    text = _imported_study(out.absolute().name, arms, {response.prompt.suite for response in responses})
    parse_study(read_yaml(text, where=str(source)), where=str(source))
    by_unit: dict[tuple[str, str], list[Response]] = {}
    for response in responses:
        by_unit.setdefault((response.arm, response.prompt.suite), []).append(response)
    with replacing(out) as temporary:  # a whole study or none
        folder = StudyFolder(temporary)
        for arm in arms:
            for (arm_id, suite), said in by_unit.items():
                if arm_id == arm.id:
                    unit = folder.responses(arm, suite, key=digest([to_json(one) for one in said]))
                    with unit.commit() as path:
                        write_records(path, said, Response)
        folder.seal(Seal(made_of={}, arms=arms, batches={}))
        write_text(folder.study_file, text)
    return StudyFolder(out), bad.num_rows


def require_new(out: Path) -> None:
    """Refuse a folder that holds something.

    Raises:
        InputError: When it does, or is a link.
    """
    if out.is_symlink() or (out.exists() and (not out.is_dir() or any(out.iterdir()))):
        raise InputError(
            f"{out} is not empty", where="--out", cause="something was written there before, or it is a link",
            fix="give a new folder",
        )  # fmt: skip


def read_mapping(mapping: Sequence[str]) -> dict[str, str]:
    """Read `ours=theirs` as the command line gives it, once per column.

    Raises:
        InputError: When one is not of that form, or two say otherwise of one column.
    """
    pairs: dict[str, str] = {}
    for item in mapping:
        ours, equals, theirs = item.partition("=")
        if not (ours and equals and theirs):
            raise InputError(
                f"cannot read the mapping {item!r}", where="--map", cause="it is not of the form ours=theirs",
                fix="write for example --map response=completion",
            )  # fmt: skip
        if pairs.get(ours, theirs) != theirs:
            raise InputError(
                f"{ours} is mapped to {pairs[ours]!r} and to {theirs!r}", where="--map",
                cause="a column of ours is read from one column of the file", fix=f"keep one --map for {ours}",
            )  # fmt: skip
        pairs[ours] = theirs
    return pairs


def study_name(folder: str) -> str:
    """Make a name of a study of that of its folder."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", folder)[:64].strip("-._") or "imported"


def _imported_study(name: str, arms: Iterable[Arm], suites: set[str]) -> str:
    """Write the study file of imported responses: nothing to train, judges of refusal to begin with."""
    bases = sorted({arm.base for arm in arms})
    body = {
        "name": study_name(name),
        "seed": 0,
        "base": bases[0] if len(bases) == 1 else bases,
        "suites": [{"name": suite} for suite in sorted(suites)],
        "judges": ["refusal", "phrases"],
    }
    return "# Imported responses: nothing is trained here. Add judges and criteria, then judge, estimate, report.\n" + (
        write_yaml(body)
    )
