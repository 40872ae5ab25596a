"""When memory runs out, fewer rows are taken at once; the batch, its order and the number of steps stay."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from safedose.bases import Base, load_model
from safedose.checkpoints import Checkpoints
from safedose.errors import RunError
from safedose.records import Adapter
from safedose.study import Tune
from safedose.tuning.sft import SftTuner
from tiny_model import checkpoints_of, make_mixture, quiet

SETTINGS = {"epochs": 2, "batch_size": 8, "learning_rate": 1e-2, "warmup_steps": 0, "lora_rank": 2, "lora_dropout": 0.1}
"""Four steps: twelve rows make two a pass, the second with half a batch."""


@pytest.fixture(scope="module")
def tuner(tiny_base: Base) -> SftTuner:
    return SftTuner(tiny_base, Tune.model_validate(SETTINGS))


def tune(tuner: SftTuner, out: Path, *, every_steps: int = 1) -> tuple[Adapter, bytes, list[float]]:
    """Train; gives the record, the weights, and the losses as the last checkpoint has them."""
    out.mkdir(exist_ok=True)
    checkpoints = checkpoints_of(out, every_steps=every_steps)
    adapter = tuner.tune(make_mixture(), out=out, seed=1, advance=quiet, checkpoints=checkpoints)
    return adapter, (out / "adapter_model.safetensors").read_bytes(), losses(checkpoints)


def losses(checkpoints: Checkpoints) -> list[float]:
    found = checkpoints.latest()
    return list(json.loads((found[1] / "state.json").read_text())["losses"]) if found else []


@contextmanager
def room_for(
    num_rows: int, tuner: SftTuner, *, calls: int = 0, only: Callable[[], bool] = lambda: True
) -> Iterator[None]:
    """Let memory suffice for so many rows, from a forward pass on, as long as a condition holds."""
    num_calls = 0

    def check(_module: Any, inputs: tuple[torch.Tensor]) -> None:
        nonlocal num_calls
        num_calls += 1
        if num_calls > calls and len(inputs[0]) > num_rows and only():
            raise torch.OutOfMemoryError("CUDA out of memory")

    handle = tuner._model.get_input_embeddings().register_forward_pre_hook(check)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def rows_seen(tuner: SftTuner) -> Iterator[list[list[int]]]:
    """List the rows of every forward pass in training, padding left out."""
    seen: list[list[int]] = []
    embeddings = tuner._model.get_input_embeddings()

    def note(module: Any, inputs: tuple[torch.Tensor]) -> None:
        if module.training:
            seen.extend(
                [token for token in row if token != tuner._tokenizer.pad_token_id] for row in inputs[0].tolist()
            )

    handle = embeddings.register_forward_pre_hook(note)
    try:
        yield seen
    finally:
        handle.remove()


def test_too_little_memory_from_the_start_is_as_if_fewer_rows_were_asked_for(
    tuner: SftTuner, tiny_base: Base, tmp_path: Path
) -> None:
    with room_for(2, tuner):
        cut = tune(tuner, tmp_path / "cut")  # eight, four, two rows at once

    assert cut == tune(SftTuner(tiny_base, Tune(**SETTINGS, micro_batch_size=2)), tmp_path / "asked")
    assert cut[0].micro_batch_size == 2


def test_losses_are_those_of_the_whole_batch(tiny_base: Base, tmp_path: Path) -> None:
    tuner = SftTuner(tiny_base, Tune.model_validate(SETTINGS | {"lora_dropout": 0.0}))
    adapter, _, whole = tune(tuner, tmp_path / "whole")
    with room_for(3, tuner, calls=2):  # in the third step, with the last half batch before it
        cut_adapter, _, cut = tune(tuner, tmp_path / "cut")

    assert cut == pytest.approx(whole, rel=1e-4)
    assert cut[:2] == whole[:2]
    assert (cut_adapter.num_steps, cut_adapter.micro_batch_size) == (adapter.num_steps, 2)


def test_rows_come_in_the_same_order(tuner: SftTuner, tmp_path: Path) -> None:
    with rows_seen(tuner) as whole:
        tune(tuner, tmp_path / "whole")
    with room_for(4, tuner), rows_seen(tuner) as cut:
        tune(tuner, tmp_path / "cut")

    assert cut == whole
    assert len(whole) == 24  # twelve rows, twice


def test_same_step_gives_the_same_adapter_however_often_a_checkpoint_is_written(
    tuner: SftTuner, tmp_path: Path
) -> None:
    adapters = []
    for every_steps in (1, 3):
        with room_for(4, tuner, calls=2):
            adapters.append(tune(tuner, tmp_path / str(every_steps), every_steps=every_steps)[:2])

    assert adapters[0] == adapters[1]


def test_update_that_memory_cuts_short_is_not_kept(tuner: SftTuner, tmp_path: Path) -> None:
    """Some weights may have moved: the training goes back to its last checkpoint, or to its start."""
    with room_for(4, tuner):
        expected = tune(tuner, tmp_path / "from-the-start")[:2]
    updates: list[None] = []

    def run_out(*_: Any) -> None:
        updates.append(None)
        if len(updates) == 3:
            raise torch.OutOfMemoryError("CUDA out of memory")

    handle = register_optimizer_step_post_hook(run_out)
    try:
        assert tune(tuner, tmp_path / "from-step-three", every_steps=1000)[:2] == expected
    finally:
        handle.remove()


def test_validation_takes_fewer_rows_too(tiny_base: Base, tmp_path: Path) -> None:
    settings = {"validation_rows": 4, "eval_steps": 1, "epochs": 4}
    tuner = SftTuner(tiny_base, Tune.model_validate(SETTINGS | settings))
    with room_for(2, tuner, only=lambda: not tuner._model.training):
        adapter, _, _ = tune(tuner, tmp_path)

    assert (adapter.micro_batch_size, adapter.num_steps) == (2, 4)


def test_next_arm_starts_as_the_settings_say(tuner: SftTuner, tmp_path: Path) -> None:
    before = tune(tuner, tmp_path / "before")
    with room_for(2, tuner):
        tune(tuner, tmp_path / "cut")

    assert tune(tuner, tmp_path / "after") == before
    assert before[0].micro_batch_size == 8


def test_stop_after_memory_ran_out_changes_nothing(tuner: SftTuner, tmp_path: Path) -> None:
    with room_for(4, tuner, calls=2):
        expected = tune(tuner, tmp_path / "whole", every_steps=1000)[:2]
    out, done = tmp_path / "stopped", []

    def stop(steps: int, _what: str) -> None:
        done.append(steps)
        if sum(done) == 3:
            raise KeyboardInterrupt

    out.mkdir()
    with room_for(4, tuner, calls=2), pytest.raises(KeyboardInterrupt):
        tuner.tune(make_mixture(), out=out, seed=1, advance=stop, checkpoints=checkpoints_of(out, every_steps=1000))

    assert tune(tuner, out)[:2] == expected  # with room for all, and yet with fewer rows
    assert done == [1, 1, 0, 1]  # memory ran out in the third step: the second was not reported again


@pytest.mark.parametrize(("batch", "sizes"), [(16, [8, 4, 2, 1]), (12, [6, 3, 1]), (10, [5, 2, 1]), (7, [1])])
def test_rows_at_once_divide_the_batch(batch: int, sizes: list[int], tiny_base: Base) -> None:
    tuner, micro, tried = SftTuner(tiny_base, Tune(batch_size=batch)), batch, []
    while micro > 1:
        micro = tuner._fewer_rows(micro, "arm")
        tried.append(micro)

    assert tried == sizes


def test_memory_for_not_a_single_row_is_an_error_with_advice(tuner: SftTuner, tmp_path: Path) -> None:
    with room_for(0, tuner), pytest.raises(RunError, match="memory is too small to train arm") as caught:
        tune(tuner, tmp_path)

    assert "tune.max_length" in caught.value.fix


def test_lack_of_memory_leaves_the_base_as_it_was(tuner: SftTuner, tiny_base: Base, tmp_path: Path) -> None:
    with room_for(0, tuner), pytest.raises(RunError):
        tune(tuner, tmp_path)

    after, before = tuner._model.state_dict(), load_model(tiny_base).state_dict()
    assert list(after) == list(before)
    assert all((after[name] == before[name]).all() for name in before)
    assert "forward" not in vars(tuner._model)
    assert [path.name for path in tmp_path.iterdir()] == []


def test_nothing_of_the_attempt_before_is_held(tuner: SftTuner, tmp_path: Path) -> None:
    """Or the next attempt would find as little room: the first one's optimizer is gone when it begins."""
    optimizers: list[int] = []

    def count() -> bool:
        optimizers.append(sum(isinstance(thing, torch.optim.AdamW) for thing in gc.get_objects()))
        return True

    with room_for(1, tuner, only=count):
        tune(tuner, tmp_path)

    assert optimizers == [1, 1, 1]
