"""Stopped at any step and run again, a training ends with the bytes of one that was never stopped."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from safedose.bases import Base, load_model
from safedose.checkpoints import Checkpoints
from safedose.records import Adapter
from safedose.study import Tune
from safedose.tuning.sft import SftTuner
from tiny_model import checkpoints_of, make_mixture

SETTINGS = {
    "epochs": 2.5, "batch_size": 4, "micro_batch_size": 2, "learning_rate": 0.1, "warmup_steps": 1, "lora_rank": 2,
    "lora_dropout": 0.3, "validation_rows": 2, "eval_steps": 2,
}  # fmt: skip
"""Eight steps: ten rows make three a pass, the last with half a batch, and the run ends within a pass."""

NUM_STEPS = 8


class Killed(BaseException):
    """Ends a training without giving it time for anything, as SIGKILL does."""


@dataclass
class Training:
    """One training that can be stopped and gone on with.

    Attributes:
        out: Where the adapter goes.
        checkpoints: What it goes on from.
        calls: What was reported to `advance` in the latest run.
    """

    tuner: SftTuner
    out: Path
    checkpoints: Checkpoints
    calls: list[int]

    def run(self, *, until: int | None = None, error: type[BaseException] = KeyboardInterrupt) -> Adapter:
        """Train to the end, or raise an error from `advance` when so many steps are done."""
        self.calls = []
        self.out.mkdir(exist_ok=True)

        def advance(done: int, _what: str) -> None:
            self.calls.append(done)
            if until is not None and sum(self.calls) >= until:
                raise error

        return self.tuner.tune(make_mixture(), out=self.out, seed=1, advance=advance, checkpoints=self.checkpoints)

    def stop(self, step: int, error: type[BaseException] = KeyboardInterrupt) -> None:
        """Train until a step is done and stop there."""
        with pytest.raises(error):
            self.run(until=step, error=error)

    @property
    def files(self) -> dict[str, bytes]:
        """What lies in the adapter's folder."""
        return {path.relative_to(self.out).as_posix(): path.read_bytes() for path in self.out.rglob("*")}


Start = Callable[..., Training]


@pytest.fixture(scope="module")
def tuner(request: pytest.FixtureRequest, tiny_base: Base) -> SftTuner:
    """Give a tuner that keeps the best weights, or those that `BOTH_WAYS` asks for."""
    keep = getattr(request, "param", "best_validation")
    return SftTuner(tiny_base, Tune.model_validate(SETTINGS | {"keep": keep}))


BOTH_WAYS = pytest.mark.parametrize("tuner", ["last", "best_validation"], indirect=True, scope="module")


@pytest.fixture
def start(tuner: SftTuner, tmp_path: Path) -> Start:
    """Begin a training that writes checkpoints only when it is stopped, or every so many steps."""

    def begin(every_steps: int = 1000) -> Training:
        out = tmp_path / "adapter"
        return Training(tuner, out, checkpoints_of(out, every_steps=every_steps), [])

    return begin


@pytest.fixture(scope="module")
def whole(tuner: SftTuner, tmp_path_factory: pytest.TempPathFactory) -> tuple[Adapter, dict[str, bytes]]:
    """Record and files of a training that was never stopped."""
    out = tmp_path_factory.mktemp("whole")
    training = Training(tuner, out, checkpoints_of(out, every_steps=1000), [])
    return training.run(), training.files


def test_best_validation_is_neither_the_first_nor_the_last(whole: Any) -> None:
    """Otherwise the tests below would not show that the best weights survive a stop."""
    adapter, _ = whole
    assert adapter.num_steps == NUM_STEPS
    assert 1 < adapter.kept_step < NUM_STEPS


@BOTH_WAYS
@pytest.mark.parametrize("step", range(1, NUM_STEPS + 1))
def test_stop_at_any_step_changes_nothing(step: int, whole: Any, start: Start) -> None:
    training = start()
    training.stop(step)
    adapter = training.run()

    assert (adapter, training.files) == whole
    assert training.calls == [step] + [1] * (NUM_STEPS - step)


def test_stop_at_every_step_changes_nothing(whole: Any, start: Start) -> None:
    training = start()
    for step in range(1, NUM_STEPS + 1):
        training.stop(step)

    assert (training.run(), training.files) == whole


def test_another_process_goes_on_to_the_same_bytes(whole: Any, start: Start, tiny_base: Base) -> None:
    """Nothing that matters is in the tuner: a new one has only the checkpoint."""
    training = start()
    training.stop(4)
    training.tuner = SftTuner(tiny_base, training.tuner._settings)

    assert (training.run(), training.files) == whole


@pytest.mark.parametrize(("killed", "kept"), [(2, 0), (5, 3), (6, 3), (7, 6)])
def test_kill_repeats_the_steps_since_the_last_checkpoint(killed: int, kept: int, whole: Any, start: Start) -> None:
    training = start(every_steps=3)
    training.stop(killed, Killed)  # step 6 is over before its checkpoint is written

    assert (training.run(), training.files) == whole
    assert training.calls == [kept] * bool(kept) + [1] * (NUM_STEPS - kept)


def test_damaged_checkpoint_costs_the_steps_back_to_the_one_before(whole: Any, start: Start) -> None:
    training = start(every_steps=1)
    training.stop(5)
    newest = training.checkpoints.folder / "step-00000005" / "state.safetensors"
    newest.write_bytes(newest.read_bytes()[:-1] + b"\x00")

    assert (training.run(), training.files) == whole
    assert training.calls[0] == 4
    assert (training.checkpoints.folder / "step-00000005.corrupt").is_dir()


def test_checkpoint_is_safetensors_and_json_without_a_path(start: Start, tiny_base: Base) -> None:
    training = start()
    training.stop(7)

    files = [path for path in training.checkpoints.folder.rglob("*") if path.is_file()]
    assert {path.name for path in files} == {"state.json", "state.safetensors", "step-00000007.manifest.json"}
    here = str(tiny_base.path.parent).encode()
    assert not [path for path in files if here in path.read_bytes()]


def test_checkpoint_knows_every_loss(start: Start) -> None:
    training = start()
    training.stop(7)

    state = json.loads((training.checkpoints.folder / "step-00000007" / "state.json").read_text())
    assert len(state["losses"]) == 7
    assert [step for step, _ in state["validation"]] == [2, 4, 6]


def test_last_step_needs_no_checkpoint(start: Start) -> None:
    """The adapter follows it at once."""
    training = start(every_steps=1)
    training.run()

    step, _ = training.checkpoints.latest() or (0, None)
    assert step == NUM_STEPS - 1


def test_stopped_training_leaves_nothing_in_its_folder(start: Start) -> None:
    training = start()
    training.stop(3)

    assert training.files == {}


def test_stopped_training_leaves_the_base_as_it_was(start: Start, tiny_base: Base) -> None:
    training = start()
    training.stop(3)

    after, before = training.tuner._model.state_dict(), load_model(tiny_base).state_dict()
    assert list(after) == list(before)
    assert all((after[name] == before[name]).all() for name in before)


def test_interruption_from_elsewhere_writes_no_checkpoint(start: Start) -> None:
    """A step that was cut in two may have changed half of the weights."""
    training = start()

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    handle = training.tuner._model.get_input_embeddings().register_forward_pre_hook(interrupt)
    with pytest.raises(KeyboardInterrupt):
        training.run()
    handle.remove()

    assert not training.checkpoints.folder.exists()


def test_layer_that_is_never_used_stands_in_nobodys_way(tiny_base: Base, tmp_path: Path) -> None:
    """The optimizer remembers nothing of weights that never had a gradient, such as those of an idle expert."""
    tuner = SftTuner(tiny_base, Tune(batch_size=4, lora_rank=2, lora_modules=("q_proj", "spare")))
    tuner._model.add_module("spare", torch.nn.Linear(16, 16))
    training = Training(tuner, tmp_path / "adapter", checkpoints_of(tmp_path), [])
    training.stop(2)

    assert training.run().num_steps == 9
