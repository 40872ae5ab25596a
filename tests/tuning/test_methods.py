"""LoRA, QLoRA and full tuning, precisions and gradient checkpointing: what each trains, leaves and saves."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from safedose.bases import Base, load_model
from safedose.generation.local import LocalGenerator
from safedose.records import Adapter, Prompt
from safedose.study import Generate, Tune
from safedose.tuning.sft import SftTuner
from tiny_model import checkpoints_of, make_mixture, make_model, make_tokenizer, quiet

FAST = {"epochs": 2, "batch_size": 4, "learning_rate": 1e-2, "warmup_steps": 0}
LORA = {"lora_rank": 2, "lora_dropout": 0.1}
PROMPT = Prompt(id="1", suite="s", text="How do I wash boat 1?", expected="comply")
four_bits = pytest.mark.skipif(
    importlib.util.find_spec("bitsandbytes") is None, reason="bitsandbytes, of the extra `qlora`, is not installed"
)


@pytest.fixture(scope="module")
def wide_base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    """A base whose layers are wide enough for 4 bits on a CPU, which come in blocks of 32 by 64."""
    folder = tmp_path_factory.mktemp("wide")
    make_tokenizer().save_pretrained(folder)
    make_model(folder, hidden_size=64, intermediate_size=128)
    return Base(name="wide", path=folder, fingerprint="wide")


def tune(tuner: SftTuner, out: Path) -> Adapter:
    out.mkdir()
    return tuner.tune(make_mixture(), out=out, seed=1, advance=quiet, checkpoints=checkpoints_of(out))


def tuner(base: Base, **settings: Any) -> SftTuner:
    return SftTuner(base, Tune.model_validate(FAST | settings))


def test_gradient_checkpointing_gives_the_same_adapter(tiny_base: Base, tmp_path: Path) -> None:
    for name, on in (("off", False), ("on", True)):
        tune(tuner(tiny_base, gradient_checkpointing=on, **LORA), tmp_path / name)

    on, off = ((tmp_path / name / "adapter_model.safetensors").read_bytes() for name in ("on", "off"))
    assert on == off


def test_full_tuning_moves_every_weight_and_puts_the_base_back(tiny_base: Base, tmp_path: Path) -> None:
    one, before = tuner(tiny_base, method="full"), load_model(tiny_base).state_dict()
    tune(one, tmp_path / "out")
    tuned = load_model(Base(name="tuned", path=tmp_path / "out", fingerprint="")).state_dict()

    assert all((tuned[name] != before[name]).any() for name in before)
    assert all((weight == before[name]).all() for name, weight in one._model.state_dict().items())


def test_full_tuning_twice_gives_the_same_bytes(tiny_base: Base, tmp_path: Path) -> None:
    one = tuner(tiny_base, method="full")
    for name in ("first", "second"):
        tune(one, tmp_path / name)

    first, second = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("first", "second"))
    assert first == second


def test_full_tuning_that_was_stopped_ends_with_the_same_bytes(tiny_base: Base, tmp_path: Path) -> None:
    def stop(done: int, _: str) -> None:
        if done:
            raise KeyboardInterrupt

    whole, stopped, one = tmp_path / "whole", tmp_path / "stopped", tuner(tiny_base, method="full")
    tune(one, whole)
    stopped.mkdir()
    with pytest.raises(KeyboardInterrupt):
        one.tune(make_mixture(), out=stopped, seed=1, advance=stop, checkpoints=checkpoints_of(stopped))
    one.tune(make_mixture(), out=stopped, seed=1, advance=quiet, checkpoints=checkpoints_of(stopped))

    assert (stopped / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def test_fully_tuned_model_answers_and_then_the_base_again(tiny_base: Base, tmp_path: Path) -> None:
    tune(tuner(tiny_base, method="full", learning_rate=0.1), tmp_path / "out")
    generator = LocalGenerator(tiny_base, Generate(max_new_tokens=8), template="chat", seed=1)

    said = [
        generator.generate([PROMPT], arm="arm", adapter=adapter, batch=0)[0].text
        for adapter in (None, tmp_path / "out", None)
    ]
    assert said[0] == said[2] != said[1]


@four_bits
def test_qlora_leaves_an_adapter_that_peft_loads_on_the_whole_base(wide_base: Base, tmp_path: Path) -> None:
    from peft import PeftModel

    adapter = tune(tuner(wide_base, method="qlora", **LORA), tmp_path / "out")
    model = PeftModel.from_pretrained(load_model(wide_base), tmp_path / "out")

    assert adapter.logit_difference > 0
    assert json.loads((tmp_path / "out" / "adapter_config.json").read_text())["base_model_name_or_path"] == "wide"
    assert model.active_adapter == "default"


@four_bits
def test_qlora_twice_gives_the_same_bytes(wide_base: Base, tmp_path: Path) -> None:
    """On a CPU from a fresh base each time: once asked, bitsandbytes' layers there give wrong gradients."""
    for name in ("first", "second"):
        tune(tuner(wide_base, method="qlora", **LORA), tmp_path / name)

    first, second = ((tmp_path / name / "adapter_model.safetensors").read_bytes() for name in ("first", "second"))
    assert first == second


@four_bits
def test_answers_can_be_made_in_four_bits(wide_base: Base) -> None:
    generator = LocalGenerator(wide_base, Generate(max_new_tokens=4, precision="4bit"), template="chat", seed=1)

    (said,) = generator.generate([PROMPT], arm="arm", adapter=None, batch=0)
    assert said.num_tokens
    assert generator._model.is_loaded_in_4bit


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_base_is_kept_in_the_precision_asked_for(precision: str, tiny_base: Base, tmp_path: Path) -> None:
    one = tuner(tiny_base, precision=precision, **LORA)
    adapter = tune(one, tmp_path / "out")

    assert str(one._model.dtype) == {"fp32": "torch.float32", "bf16": "torch.bfloat16"}[precision]
    assert adapter.logit_difference > 0


def test_lora_settings_with_full_tuning_are_refused() -> None:
    with pytest.raises(ValueError, match="method: full has no use for lora_rank"):
        Tune(method="full", lora_rank=4)
