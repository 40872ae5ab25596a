"""Adapters that were brought in from elsewhere: which arms they are, and what is known of them."""

from __future__ import annotations

import json
from pathlib import Path

from safedose.codec import from_json
from safedose.errors import RunError, Unfetched
from safedose.records import Arm, ImportedAdapter, Proof
from safedose.store import StudyFolder, Unit
from safedose.store.unit import MANIFEST
from safedose.study import Study

RECORD = "imported.json"
"""File in an adapter's folder that says which arm it is and where it came from."""


def must_prove(study: Study) -> bool:
    """Say whether imported adapters must show here that they are on; a server is probed when it is asked."""
    return study.adopts and study.generate.endpoint is None


def adopted_arms(folder: StudyFolder) -> tuple[Arm, ...]:
    """List the arms of imported adapters: as sealed, or where no plan can be read, as the adapters themselves say.

    Raises:
        Unfetched: When there are none yet.
        RunError: When an adapter is gone or is not what was imported: nobody can make it again.
    """
    try:
        arms = folder.tuned_arms()
    except RunError:
        arms = ()
    if not arms:
        manifests = sorted(folder.path.glob(f"arms/*/adapter{MANIFEST}"))
        found = [_read(Unit(file.with_name("adapter"), "")).arm for file in manifests]
        arms = tuple(sorted(found, key=place_of_arm))
    for arm in arms:
        _whole(folder.adapter(arm))
    if not arms:
        raise Unfetched(
            "this study has no adapters yet", where=str(folder.path), cause="none were imported",
            fix=f"`safedose import adapters DIR --table FILE --out {folder.path}`",
        )  # fmt: skip
    return arms


def place_of_arm(arm: Arm) -> tuple[object, ...]:
    """Say where an arm stands among others, as in a grid: by base, run and seeds, dose 0 first, then by curve."""
    seeds = (arm.base, arm.run, arm.ladder, arm.draw_seed, arm.train_seed)
    return (*seeds, arm.dose > 0, arm.format, arm.strategy, arm.dose)


def read_imported(folder: StudyFolder) -> tuple[tuple[ImportedAdapter, Proof | None], ...]:
    """Read what is known of the imported adapters, in the order of the arms, each with its proof if it has one."""
    return tuple((_read(folder.adapter(arm)), _proof(folder.proof(arm))) for arm in folder.tuned_arms())


def _read(adapter: Unit) -> ImportedAdapter:
    return from_json(json.loads((_whole(adapter) / RECORD).read_text(encoding="utf-8")), ImportedAdapter)


def _proof(unit: Unit) -> Proof | None:
    return from_json(json.loads(unit.committed().read_text(encoding="utf-8")), Proof) if unit.exists() else None


def _whole(adapter: Unit) -> Path:
    try:
        return adapter.committed()
    except RunError as error:
        raise RunError(
            f"the adapter of {adapter.path.parent.name} is not what was imported", where=str(adapter.path),
            cause="the disk damaged it, or somebody changed or removed it",
            fix="put its files back as they were, or import the adapters again, into a new folder",
        ) from error  # fmt: skip
