"""The tuner contract, over the scripted and the real tuner."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from safedose.bases import Base
from safedose.interfaces import Advance
from safedose.records import Adapter, Mixture
from safedose.study import Tune
from safedose.testing import ScriptedTuner, check_tuner
from tiny_model import make_mixture


def test_scripted_tuner_keeps_the_contract(tmp_path: Path) -> None:
    check_tuner(ScriptedTuner(), make_mixture(), tmp_path)


def test_lora_tuner_keeps_the_contract(tiny_base: Base, tmp_path: Path) -> None:
    from safedose.tuning.sft import LoraTuner

    settings = Tune(epochs=1, batch_size=4, learning_rate=1e-2, warmup_steps=0, lora_rank=2)
    check_tuner(LoraTuner(tiny_base, settings), make_mixture(), tmp_path)


class Broken:
    """A scripted tuner with one habit that breaks the contract."""

    def __init__(self, habit: str) -> None:
        self._habit = habit
        self._calls = 0

    def tune(self, mixture: Mixture, *, out: Path, seed: int, advance: Advance) -> Adapter:
        self._calls += 1
        seed = {"ignores the seed": 0, "forgets the seed": self._calls}.get(self._habit, seed)
        silent: Advance = lambda _done, _what: None  # noqa: E731
        adapter = ScriptedTuner(logit_difference=0.0 if self._habit == "does nothing" else 1.0).tune(
            mixture, out=out, seed=seed, advance=silent if self._habit == "is silent" else advance
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
    ],
)
def test_contract_names_the_broken_promise(habit: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=sentence):
        check_tuner(Broken(habit), make_mixture(), tmp_path)


def test_scripted_adapter_is_valid_safetensors(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    ScriptedTuner().tune(make_mixture(), out=tmp_path, seed=1, advance=lambda *_: None)

    assert load_file(tmp_path / "adapter_model.safetensors")["scripted"].shape == (32,)
