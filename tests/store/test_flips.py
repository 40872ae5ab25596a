"""One flipped byte in any file that a study leaves is found by `verify`, and mended by the next run."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from faults.study_digest import digest_study
from safedose import commands
from safedose.engines import Engines
from safedose.errors import RunError
from safedose.progress import Watch
from safedose.store.ledger import Entry, read_ledger
from safedose.testing import ScriptedGenerator, ScriptedTuner
from safedose.verification import verify
from tiny_study import write_study

NUM_TRIALS = 40
ENGINES = Engines(
    tuner=lambda *_: ScriptedTuner(),
    generator=lambda *_: ScriptedGenerator(str.upper),
    count_tokens=lambda _base, _study, prompts: [len(prompt.text) for prompt in prompts],
)
KINDS = {
    "mixture": "arms/*/mixture.parquet",
    "weights": "arms/*/adapter/adapter_model.safetensors",
    "adapter settings": "arms/*/adapter/adapter_config.json",
    "tuning record": "arms/*/adapter/tuning.json",
    "model card": "arms/*/adapter/README.md",
    "responses": "arms/*/responses/*.parquet",
    "verdicts": "arms/*/verdicts/*/*.parquet",
    "manifest of an adapter": "arms/*/adapter.manifest.json",
    "manifest of responses": "arms/*/responses/*.manifest.json",
    "plan": "plan.jsonl",
    "manifest of the plan": "plan.jsonl.manifest.json",
    "manifest of the outputs": "outputs.manifest.json",
    "estimates": "estimates.parquet",
    "summary": "summary.json",
    "report": "report.html",
    "ledger": "ledger.sqlite",
}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study; gives its file. Every test leaves it sound."""
    file = write_study(tmp_path_factory.mktemp("flips") / "study")
    commands.run(file, [], Watch(quiet=True), ENGINES)
    return file


@contextmanager
def flipped(file: Path, rng: random.Random) -> Iterator[None]:
    """Flip one bit of a file for the length of a block."""
    whole = file.read_bytes()
    data = bytearray(whole)
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    file.write_bytes(bytes(data))
    try:
        yield
    finally:
        file.write_bytes(whole)


def meaning(file: Path) -> object:
    """What a reader takes from a file in which some bytes mean nothing: blanks of JSON, free pages of a database."""
    if file.suffix == ".sqlite":
        try:
            return [(entry.event, entry.unit, entry.detail) for entry in read_rows(file)]
        except RunError:
            return None
    try:
        return json.loads(file.read_bytes())
    except ValueError:
        return None


def read_rows(file: Path) -> tuple[Entry, ...]:
    return read_ledger(file)


@pytest.mark.parametrize("kind", KINDS)
def test_flipped_bit_is_always_found(kind: str, study: Path) -> None:
    rng = random.Random(kind)  # noqa: S311 - nothing is secret
    files = sorted(study.parent.glob(KINDS[kind]))
    for trial in range(NUM_TRIALS):
        file = rng.choice(files)
        before = meaning(file)
        with flipped(file, rng):
            found = any(
                Path(damage.path).name in file.as_posix() for damage in verify(study, Watch(quiet=True)).damaged
            )
            harmless = before is not None and meaning(file) == before

        assert found or harmless, (trial, file)
    assert not verify(study, Watch(quiet=True)).damaged


@pytest.mark.parametrize("kind", KINDS)
def test_flipped_bit_is_mended_by_the_next_run(kind: str, study: Path) -> None:
    rng, before = random.Random(kind), digest_study(study.parent)  # noqa: S311 - nothing is secret
    file = rng.choice(sorted(study.parent.glob(KINDS[kind])))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))

    commands.run(study, [], Watch(quiet=True), ENGINES)

    for aside in study.parent.rglob("*.corrupt*"):
        aside.unlink() if aside.is_file() else [*map(Path.unlink, aside.rglob("*.*")), aside.rmdir()]
    assert digest_study(study.parent) == before
