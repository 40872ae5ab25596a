"""On a GPU: precisions, 4 bits, and the same bytes twice. Run with `pytest -m gpu` where there is one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from safedose.bases import Base
from safedose.generation.local import LocalGenerator
from safedose.records import Prompt
from safedose.study import Generate, Tune
from safedose.tuning.sft import SftTuner
from tiny_model import checkpoints_of, make_mixture, make_model, make_tokenizer, quiet

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU on this machine"),
]
FAST = {"epochs": 2, "batch_size": 4, "learning_rate": 1e-2, "warmup_steps": 0}
METHODS: dict[str, dict[str, Any]] = {
    "bf16": {"precision": "bf16"},
    "fp16": {"precision": "fp16"},
    "fp32": {"precision": "fp32"},
    "qlora": {"method": "qlora"},
    "full": {"method": "full"},
    "checkpointed": {"gradient_checkpointing": True},
}
PROMPTS = [Prompt(id=str(k), suite="s", text=f"How do I wash boat {k}?", expected="comply") for k in range(6)]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    folder = tmp_path_factory.mktemp("wide")
    make_tokenizer().save_pretrained(folder)
    make_model(folder, hidden_size=64, intermediate_size=128)
    return Base(name="wide", path=folder, fingerprint="wide")


@pytest.mark.parametrize("method", METHODS)
def test_every_method_tunes_twice_to_the_same_bytes(method: str, base: Base, tmp_path: Path) -> None:
    tuner = SftTuner(base, Tune.model_validate(FAST | METHODS[method]))
    for name in ("first", "second"):
        (out := tmp_path / name).mkdir()
        made = tuner.tune(make_mixture(), out=out, seed=1, advance=quiet, checkpoints=checkpoints_of(out))
        assert made.logit_difference > 0

    first, second = (next((tmp_path / name).glob("*.safetensors")).read_bytes() for name in ("first", "second"))
    assert first == second


@pytest.mark.parametrize("precision", ["auto", "fp32", "bf16", "fp16", "4bit"])
def test_every_precision_answers_twice_the_same(precision: Any, base: Base) -> None:
    generator = LocalGenerator(base, Generate(max_new_tokens=8, precision=precision), template="chat", seed=1)

    first, second = (generator.generate(PROMPTS, arm="arm", adapter=None, batch=0) for _ in range(2))
    assert [one.text for one in first] == [one.text for one in second]


def test_auto_is_the_best_the_gpu_knows(base: Base) -> None:
    model = SftTuner(base, Tune(lora_rank=2))._model

    assert model.dtype == (torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16)
    assert model.device.type == "cuda"
