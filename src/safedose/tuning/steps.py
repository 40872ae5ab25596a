"""What happens around each optimizer step: its seed, its loss, a validation, a checkpoint, a stop.

A checkpoint is two files: `state.safetensors` (what is trained, AdamW's moments and step counts, the weights of the
best validation) and `state.json` (losses, validations, schedule, micro batch). With the order of rows and the
dropout of every step a pure function of the seed, that is all a training needs to go on as if never stopped.
transformers' own checkpoints are not used: they pickle the optimizer and name folders of this machine.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import torch
from safetensors.torch import load_file, save_file
from transformers import TrainerCallback, TrainerState

from safedose.errors import TrainingFailed
from safedose.interfaces import CheckpointKeeper
from safedose.seeding import derive
from safedose.tuning.weights import Tensors, save_for_trainer, tuned_weights

_STATE, _TENSORS = "state.json", "state.safetensors"
_ADAMW = ("exp_avg", "exp_avg_sq", "step")
"""What AdamW remembers of each weight (torch.optim.AdamW); `step` counts its updates."""


@dataclass(slots=True)
class Progress:
    """How far a training is.

    Attributes:
        micro_batch_size: Rows per forward pass.
        losses: Training loss of each step taken, in nats per answer token.
        validation: Step and loss of each validation so far.
        schedule: State of the learning-rate schedule; empty before the first step.
        tensors: Weights by use, on the CPU: `tuned` as a checkpoint has it, `best` at the best validation,
            and what AdamW remembers.
    """

    micro_batch_size: int
    losses: list[float] = field(default_factory=list)
    validation: list[tuple[int, float]] = field(default_factory=list)
    schedule: dict[str, Any] = field(default_factory=dict)
    tensors: dict[str, Tensors] = field(default_factory=dict)

    @property
    def step(self) -> int:
        """Optimizer steps taken."""
        return len(self.losses)

    @property
    def best(self) -> tuple[int, float]:
        """Step and loss of the first validation that none has beaten."""
        return min(self.validation, key=lambda entry: entry[1])


def load_progress(checkpoints: CheckpointKeeper) -> Progress | None:
    """Read the latest checkpoint; None when there is none."""
    found = checkpoints.latest()
    if found is None:
        return None
    _, folder = found
    state = json.loads((folder / _STATE).read_text(encoding="utf-8"))
    tensors: dict[str, Tensors] = {}
    for path, tensor in load_file(folder / _TENSORS).items():
        use, _, name = path.partition("/")
        tensors.setdefault(use, {})[name] = tensor
    validation = [(step, loss) for step, loss in state.pop("validation")]
    return Progress(**state, validation=validation, tensors=tensors)


def _write_progress(progress: Progress, folder: Path) -> None:
    tensors = {f"{use}/{name}": tensor for use, named in progress.tensors.items() for name, tensor in named.items()}
    save_file(tensors, folder / _TENSORS)
    state = {
        "micro_batch_size": progress.micro_batch_size, "losses": progress.losses, "validation": progress.validation,
        "schedule": progress.schedule,
    }  # fmt: skip
    (folder / _STATE).write_text(json.dumps(state, allow_nan=False), encoding="utf-8")


def write_resume_folder(progress: Progress, folder: Path, args: Any, *, full: bool) -> str | None:
    """Write what `Trainer.train(resume_from_checkpoint=...)` asks for: a step number and what was trained.

    The rest is put back when the training begins (`Steps`), because the Trainer would unpickle it.

    Args:
        progress: What a checkpoint held.
        folder: Where to write; it must not exist.
        args: The trainer's arguments; the state names some of them, and a difference would be warned about.
        full: Whether all weights are trained.

    Returns:
        The folder, as the Trainer wants it; None before the first step.
    """
    if not progress.step:
        return None
    folder.mkdir(parents=True)
    state = TrainerState(
        global_step=progress.step, train_batch_size=progress.micro_batch_size,
        logging_steps=args.logging_steps, eval_steps=args.eval_steps, save_steps=args.save_steps,
    )  # fmt: skip
    state.save_to_json(str(folder / "trainer_state.json"))
    save_for_trainer(progress.tensors["tuned"], folder, full=full)
    return str(folder)


@final
class Steps(TrainerCallback):  # type: ignore[misc]  # transformers is not typed
    """Sees to everything around the optimizer steps of one training.

    Attributes:
        arm: Id of the arm.
        progress: How far the training is; each step adds to it.
        report: Called with the number of steps taken, where a step is whole; may raise KeyboardInterrupt.

    With `scaled` losses (fp16) a gradient that overflows is part of finding the scale: that step is left out.
    """

    def __init__(
        self, arm: str, *, seed: int, keep_best: bool, progress: Progress, checkpoints: CheckpointKeeper,
        report: Callable[[int], None], scaled: bool = False,
    ) -> None:  # fmt: skip
        self.arm, self.progress, self.report = arm, progress, report
        self._seed, self._keep_best, self._checkpoints = seed, keep_best, checkpoints
        self._saved_step = progress.step
        self._scaled = scaled
        self._is_whole = False

    def on_train_begin(
        self, _args: Any, _state: Any, _control: Any, *, model: Any, optimizer: Any, lr_scheduler: Any, **_: Any
    ) -> None:
        """Put optimizer and schedule back to where the checkpoint has them; the Trainer did so for the adapter."""
        self._model, self._optimizer, self._schedule = model, optimizer, lr_scheduler
        self._is_whole = True
        if not self.progress.step:
            return
        names, tensors = _names(model), self.progress.tensors
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        remembered = {
            number: {kind: tensors[kind][names[weight]] for kind in _ADAMW}
            for number, weight in enumerate(weights)
            if names[weight] in tensors["step"]  # AdamW knows nothing of a weight that never had a gradient
        }
        optimizer.load_state_dict({"state": remembered, "param_groups": optimizer.state_dict()["param_groups"]})
        lr_scheduler.load_state_dict(self.progress.schedule)
        for group, rate in zip(optimizer.param_groups, lr_scheduler.get_last_lr(), strict=True):
            group["lr"] = rate

    def on_step_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        """Make the step's dropout a function of its number, whatever was drawn before."""
        torch.manual_seed(derive(self._seed, "step", state.global_step + 1))

    def on_pre_optimizer_step(self, *_: Any, **__: Any) -> None:
        """From here to the end of the step, weights and optimizer may belong to different steps."""
        self._is_whole = False

    def on_log(self, _args: Any, state: Any, control: Any, *, logs: dict[str, float], **_: Any) -> None:
        """Take down the loss of a step, and stop the training at once when it is not a number."""
        if "loss" not in logs:  # a validation, or the end of the training
            return
        self.progress.losses.append(logs["loss"])
        for name, value in (("loss", logs["loss"]), ("gradient norm", logs.get("grad_norm", 0.0))):
            if not math.isfinite(value) and not (self._scaled and name == "gradient norm"):
                raise self.failed(f"a {name} of {value}")
        if not control.should_evaluate:  # otherwise the step is whole after its validation
            self._end_step(last=state.global_step == state.max_steps)

    def on_evaluate(self, _args: Any, state: Any, _control: Any, *, metrics: dict[str, float], **_: Any) -> None:
        """Take down a validation, and the weights if the best are to be kept and these are the first so good."""
        entry = self.progress.step, metrics["eval_loss"]
        if not math.isfinite(entry[1]):
            raise self.failed(f"a validation loss of {entry[1]}")
        self.progress.validation.append(entry)
        if self._keep_best and self.progress.best == entry:
            self.progress.tensors["best"] = tuned_weights(self._model)
        self._end_step(last=state.global_step == state.max_steps)

    def rescue(self) -> None:
        """Write a checkpoint of the last whole step, if weights and optimizer still are as it left them.

        For a lack of memory. So the step from which fewer rows are taken at once depends on memory alone, not on
        when the clock last asked for a checkpoint: whoever runs out at the same step makes the same adapter.
        """
        if self._is_whole and self.progress.step > self._saved_step:
            self._save()

    def failed(self, found: str) -> TrainingFailed:
        """Make the error that says what was not finite after the step taken last."""
        loss, kept = self.progress.losses[-1], self._checkpoints.latest()
        return TrainingFailed(
            self.arm, found, step=self.progress.step, loss=loss if math.isfinite(loss) else None,
            kept_step=kept[0] if kept else None,
        )  # fmt: skip

    def _end_step(self, *, last: bool) -> None:
        self._is_whole = True
        try:
            self.report(self.progress.step)
        except KeyboardInterrupt:
            self._save()
            raise
        if not last and self._checkpoints.due(self.progress.step):
            self._save()

    def _save(self) -> None:
        progress, names = self.progress, _names(self._model)
        progress.schedule = self._schedule.state_dict()
        progress.tensors["tuned"] = tuned_weights(self._model)
        for kind in _ADAMW:
            remembered = {names[weight]: memory[kind].cpu() for weight, memory in self._optimizer.state.items()}
            progress.tensors[kind] = remembered
        if not all(bool(t.isfinite().all()) for tensors in progress.tensors.values() for t in tensors.values()):
            raise self.failed("weights that are not finite")
        with self._checkpoints.write(progress.step) as folder:
            _write_progress(progress, folder)
        self._saved_step = progress.step


def _names(model: Any) -> dict[Any, str]:
    """Name each weight that is trained."""
    return {weight: name for name, weight in model.named_parameters() if weight.requires_grad}
