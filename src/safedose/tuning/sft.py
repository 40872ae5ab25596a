"""Supervised fine-tuning of one adapter per arm, or of all weights, with TRL's trainer on one loaded base.

The base is loaded once, every distinct row is tokenised once, and each arm's adapter is created after the
seeds are set; otherwise its initialisation would not be the arm's (github.com/huggingface/trl/issues/6688).
A training that was stopped goes on from its latest checkpoint; one that runs out of memory goes on with fewer
rows at once, and the next arm starts as the settings say.
"""

from __future__ import annotations

import gc
import math
import os
import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from safedose.bases import Base, load_model, load_tokenizer, pick_precision, quiet_peft
from safedose.errors import RunError
from safedose.interfaces import Advance, CheckpointKeeper
from safedose.probes import PROBES, largest_difference, probe_logits
from safedose.records import Adapter, Mixture
from safedose.study import Tune
from safedose.tuning.rows import RowMaker, Rows

if TYPE_CHECKING:
    from safedose.tuning.steps import Steps  # brings in torch, which `safedose --help` can do without

# TRL sends one usage ping per trainer, the Hub client reports too: safedose talks to nobody unasked. The
# variable speaks to a Hub client that is imported later, the constant to one that is here already.
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
if hub := sys.modules.get("huggingface_hub.constants"):
    vars(hub)["HF_HUB_DISABLE_TELEMETRY"] = True


def count_steps(mixture: Mixture, settings: Tune) -> int:
    """Say how many optimizer steps a mixture takes: ceil(rows / batch_size) per epoch, rounded up."""
    rows = mixture.num_step_rows - settings.validation_rows
    return max(1, math.ceil(math.ceil(rows / settings.batch_size) * settings.epochs))


@cache  # once a process
def _set_libraries_aside() -> None:
    """Take what importing the libraries made out of garbage collection.

    The Trainer collects before every training, and would walk over those half a million objects: 0.4 s an arm.
    """
    from trl import SFTTrainer  # noqa: F401 - brings them all in

    gc.collect()  # a model that was dropped before is to be freed, not kept
    gc.freeze()


@final
class SftTuner:
    """Tunes adapters, or all weights, of one base; holds the loaded base and the tokenised rows."""

    def __init__(self, base: Base, settings: Tune) -> None:
        self._base = base
        self._settings = settings
        self._tokenizer = load_tokenizer(base)
        self._maker = RowMaker(self._tokenizer, settings)
        _set_libraries_aside()
        self._model, self._computes_in = self._load()

    def _load(self) -> tuple[Any, str]:
        """Load the base in the precision that its weights are to have, and say in which is to be computed.

        All weights are trained in 32 bits and computed with in fewer: an update of a 16-bit weight is mostly lost
        (arXiv 1710.03740). An adapter has 32 bits anyway, whatever the base has.
        """
        settings, computes_in = self._settings, pick_precision(self._settings.precision)
        if settings.method != "qlora":
            return load_model(self._base, "fp32" if settings.method == "full" else computes_in), computes_in
        from peft import prepare_model_for_kbit_training

        model = load_model(self._base, computes_in, four_bit=True)
        with quiet_peft():
            return prepare_model_for_kbit_training(model, use_gradient_checkpointing=False), computes_in

    def tune(
        self, mixture: Mixture, *, out: Path, seed: int, advance: Advance, checkpoints: CheckpointKeeper
    ) -> Adapter:
        """Train an adapter on a mixture; see `interfaces.Tuner`."""
        import torch

        from safedose.tuning.steps import Progress, Steps, load_progress

        rows, num_steps = self._maker.rows(mixture), count_steps(mixture, self._settings)
        keep_best, report = self._settings.keep == "best_validation", _counting(advance)
        micro = None  # as the checkpoint says, or the settings
        while True:
            progress = load_progress(checkpoints) or Progress(
                self._settings.micro_batch_size or self._settings.batch_size
            )
            progress.micro_batch_size = micro or progress.micro_batch_size
            steps = Steps(
                mixture.arm, seed=seed, keep_best=keep_best, progress=progress, checkpoints=checkpoints, report=report,
                scaled=self._computes_in == "fp16",
            )  # fmt: skip
            try:
                return self._train(rows, steps, num_steps=num_steps, out=out, seed=seed)
            except torch.OutOfMemoryError:
                pass  # the next attempt must not stand here: the traceback keeps activations and optimizer alive
            # the Trainer collects what they were and empties the GPU's cache before it begins
            micro = self._fewer_rows(progress.micro_batch_size, mixture.arm)

    def _train(self, rows: Rows, steps: Steps, *, num_steps: int, out: Path, seed: int) -> Adapter:
        """Train from where the progress is to the end; however this ends, the base is as it was before."""
        import torch
        import transformers

        from safedose.tuning.steps import write_resume_folder
        from safedose.tuning.weights import load_tuned_weights, save_tuned, trainable

        progress, scratch, full = steps.progress, out / "trainer", self._settings.method == "full"
        if progress.step:
            steps.report(progress.step)
        before = self._probe(self._model) if full else None
        transformers.set_seed(seed)
        with trainable(self._model, self._settings, base=self._base.name) as model:
            try:
                if progress.step < num_steps:
                    trainer = self._trainer(model, rows, steps, num_steps=num_steps, scratch=scratch, seed=seed)
                    resume = write_resume_folder(progress, scratch / "resume", trainer.args, full=full)
                    trainer.train(resume_from_checkpoint=resume)
                else:  # it was stopped after its last step; the Trainer would take another
                    load_tuned_weights(model, progress.tensors["tuned"])
                kept_step, validation_loss = num_steps, progress.validation[-1][1] if progress.validation else None
                if self._settings.keep == "best_validation":
                    kept_step, validation_loss = progress.best
                    load_tuned_weights(model, progress.tensors["best"])
                difference = self._difference(model, before, steps)
                save_tuned(model, out, self._tokenizer)
            except torch.OutOfMemoryError:
                steps.rescue()
                raise
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
        return Adapter(
            arm=steps.arm,
            num_rows=len(rows.training),
            num_cut=rows.num_cut,
            num_steps=num_steps,
            micro_batch_size=progress.micro_batch_size,
            kept_step=kept_step,
            train_loss=math.fsum(progress.losses) / num_steps,
            validation_loss=validation_loss,
            logit_difference=difference,
            precision=self._computes_in,
        )

    def _fewer_rows(self, micro_batch_size: int, arm: str) -> int:
        """Give the largest divisor of the batch that is at most half as large, so that the batch stays whole."""
        if micro_batch_size == 1:
            raise RunError(
                f"memory is too small to train {arm} even with one row at a time", where=f"arms/{arm}",
                cause="base, optimizer and the activations of the longest row do not fit together",
                fix="lower tune.max_length or tune.lora_rank, or take a smaller base or a larger GPU",
            )  # fmt: skip
        return max(n for n in range(1, micro_batch_size // 2 + 1) if self._settings.batch_size % n == 0)

    def _trainer(self, model: Any, rows: Rows, steps: Steps, *, num_steps: int, scratch: Path, seed: int) -> Any:
        from datasets import Dataset
        from transformers.trainer_callback import PrinterCallback
        from trl import SFTConfig, SFTTrainer

        settings, micro = self._settings, steps.progress.micro_batch_size
        config = SFTConfig(
            output_dir=str(scratch),
            max_steps=num_steps,
            per_device_train_batch_size=micro,
            per_device_eval_batch_size=micro,
            gradient_accumulation_steps=settings.batch_size // micro,
            learning_rate=settings.learning_rate,
            lr_scheduler_type=settings.schedule,
            warmup_steps=settings.warmup_steps,
            weight_decay=settings.weight_decay,
            max_length=None,  # rows are already cut
            dataset_kwargs={"skip_prepare_dataset": True},
            eval_strategy="steps" if rows.held_out else "no",
            eval_steps=min(settings.eval_steps, num_steps),  # a short run is validated at least at its end
            save_strategy="no",  # checkpoints are ours, see `steps`
            logging_strategy="steps",
            logging_steps=1,  # `steps` takes down the loss of each step
            logging_nan_inf_filter=False,  # a loss that is not a number must be seen
            report_to=[],
            disable_tqdm=True,
            seed=seed,
            data_seed=seed,
            gradient_checkpointing=None,  # the deprecated name, which TRL sets to True
            activation_checkpointing=settings.gradient_checkpointing,
            use_cpu=self._model.device.type == "cpu",  # else bf16 is refused there
            bf16=self._computes_in == "bf16",
            fp16=self._computes_in == "fp16",
            dataloader_pin_memory=False,
        )
        trainer = SFTTrainer(
            model=model,
            args=config,
            train_dataset=Dataset.from_list(rows.training),
            eval_dataset=Dataset.from_list(rows.held_out) if rows.held_out else None,
            processing_class=self._tokenizer,
            callbacks=[steps],
        )
        trainer.remove_callback(PrinterCallback)  # prints to stdout, which belongs to results
        trainer.floating_point_ops = lambda _inputs: 0  # nobody reads it, and it walks over all weights at every step
        return trainer

    def _probe(self, model: Any) -> list[Any]:
        """Give the logits of each probe prompt."""
        return probe_logits(model, [self._maker.prompt(probe) for probe in PROBES])

    def _difference(self, model: Any, before: list[Any] | None, steps: Steps) -> float:
        """Say how far the logits of the probe prompts moved; `before` is None where the adapter can be switched off."""
        after = self._probe(model)
        if before is None:
            with model.disable_adapter():
                before = self._probe(model)
        moved = largest_difference(before, after)
        if math.isnan(moved):
            raise steps.failed("logits that are not finite")
        if moved == 0:
            raise RunError(
                f"the adapter of {steps.arm} changes nothing", where=f"arms/{steps.arm}/adapter",
                cause="the learning rate is 0 or no layer matched tune.lora_modules",
                fix="check tune.learning_rate and tune.lora_modules",
            )  # fmt: skip
        return moved


def _counting(advance: Advance) -> Callable[[int], None]:
    """Turn "so many steps are whole" into "so many more"; steps taken twice after a lack of memory count once."""
    num_told = 0

    def report(step: int) -> None:
        nonlocal num_told
        more, num_told = max(0, step - num_told), max(step, num_told)
        advance(more, "")

    return report
