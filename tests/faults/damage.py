"""Flipped bytes: one byte of one artefact becomes another, as a failing disk would have it."""

from __future__ import annotations

import random
import re
from pathlib import Path

from faults.nursery import Nursery
from faults.study_digest import digest_study

ARTEFACTS = {
    "sealed plan": "plan.jsonl",
    "manifest of the plan": "plan.jsonl.manifest.json",
    "mixture": "arms/*/mixture.parquet",
    "manifest of a mixture": "arms/*/mixture.parquet.manifest.json",
    "adapter weights": "arms/*/adapter/adapter_model.safetensors",
    "adapter settings": "arms/*/adapter/adapter_config.json",
    "record of a training": "arms/*/adapter/tuning.json",
    "manifest of an adapter": "arms/*/adapter.manifest.json",
    "responses": "arms/*/responses/*.parquet",
    "manifest of responses": "arms/*/responses/*.manifest.json",
    "verdicts": "arms/*/verdicts/*/*.parquet",
    "manifest of verdicts": "arms/*/verdicts/*/*.manifest.json",
    "estimates": "estimates.parquet",
    "summary": "summary.json",
    "report": "report.html",
    "model card": "arms/*/adapter/README.md",
    "list of outputs": "outputs.manifest.json",
}
"""Every kind of artefact, and where it lies in a study."""

OUTPUTS = {"estimates", "summary", "report", "model card", "list of outputs"}
"""Made anew from the units by every run: replaced, not set aside."""


def flip(file: Path, rng: random.Random) -> str:
    """Replace one random byte by a random other one; says which, where."""
    content = bytearray(file.read_bytes())
    place, change = rng.randrange(len(content)), rng.randrange(1, 256)
    content[place] ^= change
    file.write_bytes(content)
    return f"byte {place} of {file.name} from {content[place] ^ change:#04x} to {content[place]:#04x}"


def some_file(folder: Path, kind: str, rng: random.Random) -> Path:
    """Choose a file of a kind in a study."""
    return rng.choice(sorted(folder.glob(ARTEFACTS[kind])))


def mend(nursery: Nursery, folder: Path, kind: str, whole: dict[str, str], *, rng: random.Random) -> None:
    """Flip a byte of a finished study and run it again: it says so, sets aside what is a unit, and ends as it was.

    Args:
        nursery: Where the process comes from.
        folder: The study.
        kind: Which kind of file is damaged.
        whole: Digest of the study.
        rng: Draws file, byte and change.
    """
    file = some_file(folder, kind, rng)
    done = flip(file, rng)
    aside = sum(is_set_aside(path.name) for path in folder.rglob("*"))

    ended = nursery.run("run", str(folder))

    assert ended.code == 0, f"{done}: {ended.said}"
    after = {name: digest for name, digest in digest_study(folder).items() if not is_set_aside(name)}
    assert after == whole, done
    more = sum(is_set_aside(path.name) for path in folder.rglob("*")) > aside
    assert more == (kind not in OUTPUTS), done
    unit = file.parent if file.parent.name == "adapter" else file
    assert re.search(rf"{re.escape(unit.name)}.* was damaged", ended.said), f"{done}: {ended.said}"


def is_set_aside(name: str) -> bool:
    """Say whether a path of a study belongs to something that was found damaged."""
    return re.search(r"\.corrupt(-\d+)?(/|$)", name) is not None
