"""The parts of the GPU benchmark that a CPU can check: its bases, its rows and its counting."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from safedose.bases import Base, load_model, load_tokenizer
from safedose.study import Tune
from safedose.tuning.rows import RowMaker

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gpu.py"


@pytest.fixture(scope="module")
def gpu() -> Any:
    spec = importlib.util.spec_from_file_location("gpu_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def shape(gpu: Any) -> Any:
    return gpu.Shape(hidden=16, layers=2, heads=4, kv_heads=2, inner=24, vocabulary=50)


@pytest.fixture(scope="module")
def base(gpu: Any, shape: Any, tmp_path_factory: pytest.TempPathFactory) -> Base:
    return gpu.make_base(tmp_path_factory.mktemp("random"), shape, device="cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU on this machine")
def test_without_a_gpu_it_says_so_and_ends_well() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout == "skipped: there is no GPU on this machine\n"


def test_work_is_counted_by_the_weights_of_linear_layers(shape: Any, base: Base) -> None:
    layers = [part for part in load_model(base).modules() if isinstance(part, torch.nn.Linear)]

    assert shape.num_weights == sum(layer.weight.numel() for layer in layers)


def test_every_row_has_the_tokens_that_are_counted(gpu: Any, base: Base) -> None:
    rows = RowMaker(load_tokenizer(base), Tune()).rows(gpu.make_mixture(3))

    assert [len(row["input_ids"]) for row in rows.training] == [gpu.ROW_TOKENS] * 3
    assert rows.num_cut == 0


def test_a_base_can_be_tuned_and_asked(gpu: Any, base: Base, tmp_path: Path) -> None:
    tokens, at_once = gpu.tune_speed(base, tmp_path, steps=gpu.WARM_UP + 2, more={"learning_rate": 1e-2})

    assert (tokens > 0, at_once) == (True, gpu.NUM_ROWS)
    assert gpu.answer_speed(base, num_prompts=2, new_tokens=2, batch_tokens=512) > 0


def test_methods_are_left_out_where_memory_is_too_small(gpu: Any) -> None:
    billion = gpu.SHAPES["1"]

    assert {"LoRA"} <= set(gpu.fitting(billion, num_bytes=8 * 2**30))
    assert "all weights" not in set(gpu.fitting(billion, num_bytes=8 * 2**30))
    assert list(gpu.fitting(billion, num_bytes=2**30)) == []
