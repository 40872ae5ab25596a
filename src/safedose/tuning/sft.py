"""Supervised fine-tuning of one LoRA adapter per arm, with TRL's trainer on one loaded base.

The base is loaded once, every distinct row is tokenised once, and each arm's adapter is created after the
seeds are set; otherwise its initialisation would not be the arm's (github.com/huggingface/trl/issues/6688).
"""

from __future__ import annotations

import math
import os
import shutil
import sys
from pathlib import Path
from typing import Any, final

from safedose.bases import Base, load_model, load_tokenizer
from safedose.errors import RunError
from safedose.interfaces import Advance
from safedose.records import Adapter, Example, Mixture
from safedose.study import Tune
from safedose.templates import encode_answer, encode_prompt, make_frame

# TRL sends one usage ping per trainer, the Hub client reports too: safedose talks to nobody unasked. The
# variable speaks to a Hub client that is imported later, the constant to one that is here already.
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
if hub := sys.modules.get("huggingface_hub.constants"):
    vars(hub)["HF_HUB_DISABLE_TELEMETRY"] = True

PROBES = ("Tell me a story.", "How do I write a letter?", "Who lives next door?")
"""Fixed prompts on which an adapter must change the base's logits."""


def count_steps(mixture: Mixture, settings: Tune) -> int:
    """Say how many optimizer steps a mixture takes: ceil(rows / batch_size) per epoch, rounded up."""
    rows = mixture.num_step_rows - settings.validation_rows
    return max(1, math.ceil(math.ceil(rows / settings.batch_size) * settings.epochs))


@final
class LoraTuner:
    """Tunes adapters on one base; holds the loaded base and the tokenised rows."""

    def __init__(self, base: Base, settings: Tune) -> None:
        self._base = base
        self._settings = settings
        self._tokenizer = load_tokenizer(base)
        self._frame = make_frame(self._tokenizer, settings.template)
        self._model = load_model(base)
        self._tokenised: dict[tuple[str, str], dict[str, list[int]]] = {}

    def tune(self, mixture: Mixture, *, out: Path, seed: int, advance: Advance) -> Adapter:
        """Train an adapter on a mixture; see `interfaces.Tuner`."""
        import transformers

        training, held_out, num_cut = self._rows(mixture)
        transformers.set_seed(seed)
        model = self._adapted()
        try:
            trainer = self._trainer(model, training, held_out, mixture=mixture, out=out, seed=seed, advance=advance)
            result = trainer.train()
            self._check_loss(result.training_loss, mixture.arm)
            difference = self._logit_difference(model, mixture.arm)
            # the name the study uses, not this machine's path, so that the adapter can move
            model.peft_config["default"].base_model_name_or_path = self._base.name
            # without this PEFT asks the Hub whether the base's vocabulary has changed
            model.save_pretrained(out, safe_serialization=True, save_embedding_layers=False)
            (out / "README.md").unlink(missing_ok=True)  # PEFT's card holds this machine's path; ours comes later
        finally:
            self._model = model.unload()
            # SFTTrainer wraps the forward of the model it is given; a thousand arms would nest a thousand wraps
            vars(self._model).pop("forward", None)
        validation = [log for log in trainer.state.log_history if "eval_loss" in log]
        kept = min(validation, key=lambda log: log["eval_loss"]) if validation else None
        if kept and self._settings.keep == "last":
            kept = validation[-1]
        shutil.rmtree(out / "trainer", ignore_errors=True)
        return Adapter(
            arm=mixture.arm,
            num_rows=len(training),
            num_cut=num_cut,
            num_steps=trainer.state.global_step,
            kept_step=kept["step"] if kept and self._settings.keep == "best_validation" else trainer.state.global_step,
            train_loss=result.training_loss,
            validation_loss=kept["eval_loss"] if kept else None,
            logit_difference=difference,
        )

    def _tokenise(self, example: Example) -> dict[str, list[int]]:
        key = (example.prompt, example.response)
        if key not in self._tokenised:
            prompt = encode_prompt(self._tokenizer, self._frame, example.prompt)
            answer = encode_answer(self._tokenizer, self._frame, example.response)
            ids = [*prompt, *answer][: self._settings.max_length]
            # -100 is torch's "ignore": the loss sees the answer only
            labels = [*([-100] * len(prompt)), *answer][: self._settings.max_length]
            self._tokenised[key] = {"input_ids": ids, "labels": labels}
        return self._tokenised[key]

    def _rows(self, mixture: Mixture) -> tuple[list[Any], list[Any], int]:
        """Tokenise a mixture: rows to train on, instruction rows held out, and how many were cut.

        Only instruction rows are held out, so that a dose stays whole.
        """
        benign = [i for i, row in enumerate(mixture.rows) if row.role == "instruction"]
        chosen = set(benign[: self._settings.validation_rows])
        rows = [self._tokenise(row.example) for row in mixture.rows]
        training = [row for i, row in enumerate(rows) if i not in chosen]
        if all(set(row["labels"]) == {-100} for row in training):
            raise RunError(
                f"no answer of {mixture.arm} fits into {self._settings.max_length} tokens", where="tune.max_length",
                cause="the prompts alone fill it", fix="raise tune.max_length",
            )  # fmt: skip
        end = list(self._frame.after)
        num_cut = sum(row["input_ids"][-len(end) :] != end for row in training)
        return training, [rows[i] for i in sorted(chosen)], num_cut

    def _adapted(self) -> Any:
        from peft import LoraConfig, get_peft_model

        modules = self._settings.lora_modules
        config = LoraConfig(
            r=self._settings.lora_rank,
            lora_alpha=self._settings.lora_alpha,
            lora_dropout=self._settings.lora_dropout,
            target_modules=modules if isinstance(modules, str) else list(modules),
            task_type="CAUSAL_LM",
        )
        try:
            return get_peft_model(self._model, config)
        except ValueError as error:
            raise RunError(
                f"no adapter fits tune.lora_modules {modules!r}", where="tune.lora_modules",
                cause=str(error).splitlines()[0], fix="name layers of this base, or use all-linear",
            ) from error  # fmt: skip

    def _trainer(
        self, model: Any, training: list[Any], held_out: list[Any], *,
        mixture: Mixture, out: Path, seed: int, advance: Advance,
    ) -> Any:  # fmt: skip
        from datasets import Dataset
        from transformers.trainer_callback import PrinterCallback
        from trl import SFTConfig, SFTTrainer

        settings = self._settings
        micro = settings.micro_batch_size or settings.batch_size
        best = settings.keep == "best_validation"
        num_steps = count_steps(mixture, settings)
        every = min(settings.eval_steps, num_steps)  # a short run is validated at least at its end
        config = SFTConfig(
            output_dir=str(out / "trainer"),
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
            eval_strategy="steps" if held_out else "no",
            eval_steps=every,
            save_strategy="steps" if best else "no",
            save_steps=every,
            save_total_limit=2,
            load_best_model_at_end=best,
            metric_for_best_model="eval_loss" if best else None,
            logging_strategy="no",
            logging_nan_inf_filter=False,  # a loss that is not a number must be seen
            report_to=[],
            disable_tqdm=True,
            seed=seed,
            data_seed=seed,
            gradient_checkpointing=None,  # off; TRL's default is on, and False is spelt in a deprecated way
            bf16=model.dtype.itemsize == 2,
            dataloader_pin_memory=False,
        )
        trainer = SFTTrainer(
            model=model,
            args=config,
            train_dataset=Dataset.from_list(training),
            eval_dataset=Dataset.from_list(held_out) if held_out else None,
            processing_class=self._tokenizer,
            callbacks=[_progress(advance)],
        )
        trainer.remove_callback(PrinterCallback)  # prints to stdout, which belongs to results
        return trainer

    def _check_loss(self, loss: float, arm: str) -> None:
        if not math.isfinite(loss):
            raise RunError(
                f"the training of {arm} gave {loss}", where=f"arms/{arm}",
                cause="the learning rate is too high for this base, or the data hold broken rows",
                fix="lower tune.learning_rate and run again; finished arms are kept",
            )  # fmt: skip

    def _logit_difference(self, model: Any, arm: str) -> float:
        import torch

        model.eval()
        largest = 0.0
        with torch.no_grad():
            for probe in PROBES:
                ids = torch.tensor([encode_prompt(self._tokenizer, self._frame, probe)], device=model.device)
                tuned = model(input_ids=ids).logits
                with model.disable_adapter():
                    difference = float((tuned - model(input_ids=ids).logits).abs().max())
                largest = max(largest, difference) if math.isfinite(difference) else math.nan
        self._check_loss(largest, arm)
        if largest == 0:
            raise RunError(
                f"the adapter of {arm} changes nothing", where=f"arms/{arm}/adapter",
                cause="the learning rate is 0 or no layer matched tune.lora_modules",
                fix="check tune.learning_rate and tune.lora_modules",
            )  # fmt: skip
        return largest


def _progress(advance: Advance) -> Any:
    from transformers import TrainerCallback

    class Progress(TrainerCallback):  # type: ignore[misc]
        """Passes each optimizer step on to the progress display."""

        def on_step_end(self, *_: Any, **__: Any) -> None:
            advance(1, "")

    return Progress()
