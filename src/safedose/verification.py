"""Whether a study is what was written: every unit, every output, the ledger; nothing is changed."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from safedose.commands import open_study
from safedose.engines import LOCAL, Engines
from safedose.errors import InputError, RunError
from safedose.inputs import Inputs, load_judges
from safedose.mixture import Pool
from safedose.outcome import planned_units
from safedose.progress import Watch
from safedose.recomputation import Again, differences, recompute, require_share
from safedose.remote.book import NAME as BOOK
from safedose.remote.book import find_damage
from safedose.store import StudyFolder, Unit
from safedose.store.durable import CORRUPT, PARTIAL
from safedose.store.folder import REREADINGS
from safedose.store.inspection import DISTRUST, Damage, Look, hold_against_ledger, look_at_output, look_at_unit
from safedose.store.unit import MANIFEST
from safedose.store.writer import read_holder
from safedose.study import Study

_OUTPUTS = ("estimates.parquet", "summary.json", "report.html")
_KINDS = {
    "mixture.parquet": "mixtures", "adapter": "adapters", "failed.json": "failures", "proof.json": "proofs",
    "checkpoints": "checkpoints", "responses": "responses", "verdicts": "verdicts", "rereadings": "second readings",
}  # fmt: skip
_FOLDERS = {"arms", REREADINGS}
_ORDER = ("plan", *_KINDS.values(), "other", "outputs", "model cards", "requests", "ledger")
_LEFT = re.compile(rf"({re.escape(PARTIAL)}|{re.escape(CORRUPT)}(-[0-9]+)?)$|^\.(verify|doctor)-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a check found.

    Attributes:
        looks: One per unit, output and other file.
        leftovers: What a stop or an earlier repair left: paths relative to the study, and what each is.
        being_written: Whether another process worked on the study meanwhile.
        imported: What of it was made elsewhere: `adapters`, `responses`, or empty for nothing.
        again: Units that were made again; none unless a share was asked for and nothing is damaged.
        note: What could not be found out; empty when all was.
    """

    looks: tuple[Look, ...]
    leftovers: tuple[tuple[str, str], ...]
    being_written: bool
    imported: str
    again: tuple[Again, ...] = ()
    note: str = ""

    @property
    def damaged(self) -> tuple[Damage, ...]:
        """Every damaged file."""
        return tuple(damage for look in self.looks for damage in look.damage)

    @property
    def missing(self) -> tuple[str, ...]:
        """Everything that is in the plan and was not made yet."""
        return tuple(look.path for look in self.looks if look.missing)

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Per kind: `units`, which is the sum of `ok`, `missing` and `damaged`, and their `bytes`."""
        counts: dict[str, dict[str, int]] = {}
        for look in sorted(self.looks, key=lambda look: _ORDER.index(look.kind)):
            count = counts.setdefault(look.kind, dict.fromkeys(("units", "bytes", "ok", "missing", "damaged"), 0))
            count["units"] += 1
            count["bytes"] += look.num_bytes
            count["missing" if look.missing else "damaged" if look.damage else "ok"] += 1
        return counts


def verify(
    place: Path, watch: Watch, *, share: float | None = None, seed: int = 0, engines: Engines = LOCAL
) -> Verified:
    """Compare every byte of a study with what was written; changes nothing, and works while somebody writes.

    Args:
        place: The study folder, or its study file.
        watch: Shows how far it is.
        share: Also make this share of a sound study's units again and compare; see `recomputation.recompute`.
        seed: Chooses them.
        engines: Who tunes and who answers then.

    Raises:
        InputError: When it is no study, or its study file cannot be read.
    """
    if share is not None:
        require_share(share)
    folder, study = open_study(place, ())
    found = _inspect(folder, study, watch)
    if share is None or found.damaged:
        return found
    return replace(found, again=recompute(folder, study, share=share, seed=seed, watch=watch, engines=engines))


def _inspect(folder: StudyFolder, study: Study, watch: Watch) -> Verified:
    alive = read_holder(folder.path).alive
    walked = list(_walk(folder.path))
    looks = [_look_at_plan(folder)]
    judges, note = _judges(folder, study)
    planned = {} if looks[0].damage else _planned(folder, study, judges)
    ours = [path for path in walked if path.partition("/")[0] in _FOLDERS]
    made = [path.removesuffix(MANIFEST) for path in ours if path.endswith(MANIFEST)]
    units = dict(sorted(({path: Unit(folder.path / path, "") for path in made} | planned).items()))
    listed = folder.outputs.listed()
    names = [*_OUTPUTS, *_cards(units, planned if study.mix else (), listed or ())]
    with watch.stage("verify", total=len(units) + len(names), unit="files") as advance:
        for path, unit in units.items():
            look = look_at_unit(_kind(path), path, unit)
            made_by_stages = look.kind in ("mixtures", "adapters", "responses") or (
                look.kind in ("verdicts", "second readings") and not note
            )
            looks.append(_stray(look) if study.asks and planned and made_by_stages and path not in planned else look)
            advance(1, path)
        for name in names:
            kind = "model cards" if "/" in name else "outputs"
            looks.append(look_at_output(kind, name, folder.outputs, (listed or {}).get(name)))
            advance(1, name)
    if listed is None:
        name = folder.outputs.manifest.name
        looks.append(Look(kind="outputs", path=name, damage=(Damage(name, DISTRUST),)))
    return Verified(
        looks=tuple(hold_against_ledger(folder.path, [*looks, *_look_at_book(folder.path / BOOK)])),
        leftovers=tuple(_leftovers(folder.path, walked, being_written=alive)),
        being_written=alive or read_holder(folder.path).alive,
        imported="adapters" if study.adopts else "" if study.asks else "responses",
        note=note,
    )


def problem(found: Verified, place: Path) -> RunError | None:
    """Say in four parts what is wrong with a study, naming the first files; None when nothing is."""
    if not found.damaged:
        return differences(found.again, place) if found.again else None
    first = "; ".join(f"{damage.path} {damage.problem}" for damage in found.damaged[:3])
    rest = f"; and {len(found.damaged) - 3} more" if len(found.damaged) > 3 else ""
    return RunError(
        f"{len(found.damaged)} damaged: {first}{rest}", where=str(place),
        cause="the disk damaged them, or somebody changed them by hand", fix=_fix(found, place),
    )  # fmt: skip


def _fix(found: Verified, place: Path) -> str:
    kinds = {look.kind for look in found.looks if look.damage}
    if kinds <= {"outputs", "model cards"}:
        return f"run `safedose estimate {place}` and `safedose report {place}`: they make them again"
    if found.imported == "adapters" and "adapters" in kinds:
        return "put the files of the adapters back as they were, or import them again, into a new folder"
    if found.imported != "responses":
        return "run `safedose run` on the study file: damaged work is set aside and made again, the rest is kept"
    if kinds & {"plan", "responses"}:
        return "import the responses again, into a new folder"
    return f"run `safedose judge {place}`: it makes them again; then estimate and report"


def _walk(root: Path) -> Iterator[str]:
    """Walk what safedose wrote to a study, by path; does not go into what was set aside or left half-written."""
    for top, folders, files in os.walk(root):
        aside = [name for name in folders if _LEFT.search(name)]
        inside = _FOLDERS if Path(top) == root else set(folders)  # beside them lies what is the user's
        folders[:] = sorted((set(folders) & inside) - set(aside))
        for name in sorted([*aside, *files]):
            yield (Path(top) / name).relative_to(root).as_posix()


def _leftovers(root: Path, walked: Collection[str], *, being_written: bool) -> Iterator[tuple[str, str]]:
    for path in walked:
        if not _LEFT.search(path):
            continue
        if path.startswith("."):
            if not read_holder(root / path).alive:
                yield path, "was left by a check that was killed; remove it"
        elif not path.endswith(PARTIAL):
            yield path, "was found damaged earlier and set aside; look at it if you like, then remove it"
        elif not being_written:
            yield path, "was being written when a process was killed; it goes when its unit is made again"


def _look_at_book(path: Path) -> Iterator[Look]:
    """Look at the requests that were sent to servers; only studies that ask one have such a book."""
    if path.is_file():
        problem = find_damage(path)
        damage = (Damage(BOOK, problem),) if problem else ()
        yield Look(kind="requests", path=BOOK, num_bytes=path.stat().st_size, damage=damage)


def _judges(folder: StudyFolder, study: Study) -> tuple[Inputs, str]:
    """Load the judges, to know which verdicts are missing; bytes are compared without them too."""
    try:
        return load_judges(study, root=folder.root), ""
    except InputError as error:
        return Inputs(pool=Pool((), (), ()), suites={}, judges=()), f"missing verdicts are not counted: {error.what}"


def _planned(folder: StudyFolder, study: Study, judges: Inputs) -> dict[str, Unit]:
    """List the units that should be there, by path; a training that failed has no adapter to wait for."""
    failed = {folder.adapter(arm).path for arm in folder.tuned_arms() if folder.failure(arm).exists()}
    units = [unit for group in planned_units(study, judges, folder).values() for unit in group]
    return {unit.path.relative_to(folder.path).as_posix(): unit for unit in units if unit.path not in failed}


def _cards(units: Mapping[str, Unit], planned: Collection[str], listed: Collection[str]) -> list[str]:
    """Name the model cards that should be there: a card goes with its adapter, so one alone is not looked at."""
    adapters = [path for path, unit in units.items() if _kind(path) == "adapters" and unit.exists()]
    return [card for path in adapters if (card := f"{path}/README.md") in listed or path in planned]


def _kind(path: str) -> str:
    top, *parts = path.split("/")
    name = top if top == REREADINGS else parts[1] if len(parts) > 1 else ""
    return _KINDS.get(name, "other")


def _look_at_plan(folder: StudyFolder) -> Look:
    """Look at the plan, and whether it can be read; once more if it is sealed anew meanwhile."""
    while True:
        look = look_at_unit("plan", "plan.jsonl", Unit(folder.path / "plan.jsonl", ""))
        try:
            folder.arms()
        except RunError as error:
            if look_at_unit(look.kind, look.path, Unit(folder.path / look.path, "")) == look:
                return replace(look, damage=look.damage or (Damage(look.path, error.what),))
        else:
            return look


def _stray(look: Look) -> Look:
    """Say of damage that no run will mend that it can go."""
    told = [Damage(damage.path, f"{damage.problem}; the plan has it no more: remove it") for damage in look.damage]
    return replace(look, damage=tuple(told))
