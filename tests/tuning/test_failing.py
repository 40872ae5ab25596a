"""Numbers that are not finite end a training at once, and are never kept."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch.optim.optimizer import register_optimizer_step_post_hook

from safedose.bases import Base, load_model
from safedose.errors import TrainingFailed
from safedose.records import Adapter
from safedose.study import Tune
from safedose.tuning.sft import SftTuner
from tiny_model import checkpoints_of, make_mixture, quiet

SETTINGS = {
    "epochs": 2, "batch_size": 4, "learning_rate": 1e-2, "warmup_steps": 0, "lora_rank": 2, "validation_rows": 4,
    "eval_steps": 1, "keep": "best_validation",
}  # fmt: skip
"""Four steps."""


@pytest.fixture(scope="module")
def tuner(tiny_base: Base) -> SftTuner:
    return SftTuner(tiny_base, Tune.model_validate(SETTINGS))


def tune(tuner: SftTuner, out: Path) -> Adapter:
    out.mkdir(exist_ok=True)
    checkpoints = checkpoints_of(out, every_steps=1)
    return tuner.tune(make_mixture(), out=out, seed=1, advance=quiet, checkpoints=checkpoints)


@contextmanager
def broken(tuner: SftTuner, *, call: int, training: bool = True) -> Iterator[None]:
    """Let the forward passes from a certain one on, in training or in validation, see what is not a number."""
    num_calls = 0

    def spoil(module: Any, _inputs: Any, output: torch.Tensor) -> torch.Tensor | None:
        nonlocal num_calls
        num_calls += module.training == training
        return output * math.nan if module.training == training and num_calls >= call else None

    handle = tuner._model.get_input_embeddings().register_forward_hook(spoil)
    try:
        yield
    finally:
        handle.remove()


def test_loss_that_is_not_a_number_ends_the_training_at_its_step(tuner: SftTuner, tmp_path: Path) -> None:
    with broken(tuner, call=3), pytest.raises(TrainingFailed, match="gave a loss of nan at step 3") as caught:
        tune(tuner, tmp_path)

    assert (caught.value.step, caught.value.loss, caught.value.kept_step) == (3, None, 2)


def test_last_good_checkpoint_is_kept_and_finite(tuner: SftTuner, tmp_path: Path) -> None:
    with broken(tuner, call=3), pytest.raises(TrainingFailed):
        tune(tuner, tmp_path)

    step, folder = checkpoints_of(tmp_path).latest() or (0, Path())
    assert step == 2
    assert all(tensor.isfinite().all() for tensor in load_file(folder / "state.safetensors").values())


def test_failing_at_the_first_step_leaves_no_checkpoint(tuner: SftTuner, tmp_path: Path) -> None:
    with broken(tuner, call=1), pytest.raises(TrainingFailed) as caught:
        tune(tuner, tmp_path)

    assert (caught.value.step, caught.value.kept_step) == (1, None)


def test_gradient_that_is_not_finite_ends_the_training(tuner: SftTuner, tmp_path: Path) -> None:
    def spoil(_module: Any, gradients: tuple[torch.Tensor], _outputs: Any) -> tuple[torch.Tensor]:
        return (gradients[0] * math.inf,)

    handle = tuner._model.model.norm.register_full_backward_hook(spoil)
    with pytest.raises(TrainingFailed, match=r"gave a gradient norm of (nan|inf) at step 1") as caught:
        tune(tuner, tmp_path)
    handle.remove()

    assert caught.value.loss == pytest.approx(8, abs=2)


def test_validation_loss_that_is_not_a_number_ends_the_training(tuner: SftTuner, tmp_path: Path) -> None:
    with broken(tuner, call=2, training=False), pytest.raises(TrainingFailed, match="validation loss of nan") as caught:
        tune(tuner, tmp_path)

    assert (caught.value.step, caught.value.kept_step) == (2, 1)


def test_weights_that_are_not_finite_are_never_written(tiny_base: Base, tmp_path: Path) -> None:
    """They can follow a finite loss and gradient; the next loss would show them."""
    tuner = SftTuner(tiny_base, Tune(epochs=1, batch_size=4, lora_rank=2))

    def spoil(optimizer: torch.optim.Optimizer, *_: Any) -> None:
        optimizer.param_groups[0]["params"][0].data[0] = math.inf

    handle = register_optimizer_step_post_hook(spoil)
    with pytest.raises(TrainingFailed, match="gave weights that are not finite at step 1"):
        tune(tuner, tmp_path)
    handle.remove()

    assert checkpoints_of(tmp_path).latest() is None


def test_other_arms_go_on_as_if_nothing_had_happened(tuner: SftTuner, tiny_base: Base, tmp_path: Path) -> None:
    before = tune(tuner, tmp_path / "before")
    with broken(tuner, call=2), pytest.raises(TrainingFailed):
        tune(tuner, tmp_path / "broken")

    assert tune(tuner, tmp_path / "after") == before
    assert list(tuner._model.state_dict()) == list(load_model(tiny_base).state_dict())
    assert list((tmp_path / "broken").iterdir()) == []
