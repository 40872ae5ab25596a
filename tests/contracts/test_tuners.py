"""The tuner contract, over the scripted and the real tuner."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import pytest

from safedose.bases import Base
from safedose.interfaces import Advance, CheckpointKeeper
from safedose.records import Adapter, Mixture
from safedose.study import Tune
from safedose.testing import ScriptedTuner, check_tuner
from tiny_model import checkpoints_of, make_mixture, quiet


def test_scripted_tuner_keeps_the_contract(tmp_path: Path) -> None:
    check_tuner(ScriptedTuner(), make_mixture(), tmp_path)


def test_lora_tuner_keeps_the_contract(tiny_base: Base, tmp_path: Path) -> None:
    from safedose.tuning.sft import SftTuner

    settings = Tune(epochs=1, batch_size=4, learning_rate=1e-2, warmup_steps=0, lora_rank=2)
    check_tuner(SftTuner(tiny_base, settings), make_mixture(), tmp_path)


class BrokenCheckpoints:
    """Checkpoints as a tuner with a bad habit uses them."""

    def __init__(self, habit: str, checkpoints: CheckpointKeeper, scratch: Path) -> None:
        self._habit, self._checkpoints, self._scratch = habit, checkpoints, scratch

    def latest(self) -> tuple[int, Path] | None:
        found = self._checkpoints.latest()
        if found is None or self._habit == "starts again":
            return None
        if self._habit == "loses its state":
            (self._scratch / "state.safetensors").write_bytes(bytes(100))
            return found[0], self._scratch
        return found

    def due(self, step: int) -> bool:
        return self._checkpoints.due(step)

    @contextmanager
    def write(self, step: int) -> Iterator[Path]:
        if self._habit == "leaves no checkpoint":
            yield self._scratch
            return
        with self._checkpoints.write(step) as folder:
            yield folder
            if self._habit == "pickles its state":
                (folder / "optimizer.pt").write_bytes(b"")


class Broken:
    """A scripted tuner with one habit that breaks the contract."""

    def __init__(self, habit: str) -> None:
        self._habit = habit
        self._calls = 0

    def tune(
        self, mixture: Mixture, *, out: Path, seed: int, advance: Advance, checkpoints: CheckpointKeeper
    ) -> Adapter:
        self._calls += 1
        seed = {"ignores the seed": 0, "forgets the seed": self._calls}.get(self._habit, seed)

        def told(done: int, what: str) -> None:
            with suppress(KeyboardInterrupt) if self._habit == "ignores the stop" else nullcontext():
                advance(done if self._habit != "is silent" else 0, what)

        kept = BrokenCheckpoints(self._habit, checkpoints, out)
        adapter = ScriptedTuner(logit_difference=0.0 if self._habit == "does nothing" else 1.0).tune(
            mixture, out=out, seed=seed, advance=told, checkpoints=kept
        )
        if self._habit == "pickles":
            (out / "optimizer.pt").write_bytes(b"")
        if self._habit == "knows its place":
            (out / "notes.json").write_text(str(out.resolve()))
        return dataclasses.replace(adapter, arm="other") if self._habit == "swaps arms" else adapter


@pytest.mark.parametrize(
    ("habit", "sentence"),
    [
        ("ignores the seed", "another seed, another adapter"),
        ("forgets the seed", "one seed gives one adapter"),
        ("does nothing", "an adapter changes something"),
        ("is silent", "reported to advance"),
        ("pickles", "nothing is pickled"),
        ("knows its place", "does not know its place"),
        ("swaps arms", "names the arm"),
        ("ignores the stop", "asks for ends the tuning"),
        ("leaves no checkpoint", "leaves a checkpoint of that step"),
        ("pickles its state", "nothing is pickled"),
        ("starts again", "reported to advance at once"),
        ("loses its state", "goes on to the same bytes"),
    ],
)
def test_contract_names_the_broken_promise(habit: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=sentence):
        check_tuner(Broken(habit), make_mixture(), tmp_path)


def test_scripted_adapter_is_valid_safetensors(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    checkpoints = checkpoints_of(tmp_path)
    ScriptedTuner().tune(make_mixture(), out=tmp_path, seed=1, advance=quiet, checkpoints=checkpoints)

    assert load_file(tmp_path / "adapter_model.safetensors")["scripted"].shape == (32,)


def test_scripted_tuner_repeats_the_steps_since_its_last_checkpoint(tmp_path: Path) -> None:
    calls: list[int] = []

    def kill(done: int, _what: str) -> None:
        calls.append(done)
        if sum(calls) == 5:
            raise SystemExit

    tuner, checkpoints = ScriptedTuner(num_steps=6), checkpoints_of(tmp_path, every_steps=2)
    for advance in (kill, lambda done, _: calls.append(done)):
        with suppress(SystemExit):
            tuner.tune(make_mixture(), out=tmp_path, seed=1, advance=advance, checkpoints=checkpoints)

    assert calls == [1] * 5 + [4, 1, 1]
