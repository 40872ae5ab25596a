"""What is trained: an adapter beside the base's weights, or all of them; put on, copied, put back, saved, taken off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import save_file

from safedose.bases import quiet_peft
from safedose.errors import RunError
from safedose.study import Tune

Tensors = dict[str, torch.Tensor]


@contextmanager
def trainable(model: Any, settings: Tune, *, base: str) -> Iterator[Any]:
    """Make a loaded base trainable; at the end of the block, however it ends, the base is as it was before.

    Args:
        model: The base, as `load_model` gives it.
        settings: Say what is trained: LoRA layers, or every weight.
        base: Name of the base, written into the adapter in place of this machine's path.

    Raises:
        RunError: When no layer of the base fits `tune.lora_modules`.
    """
    if settings.method == "full":
        before = {name: weight.detach().to("cpu", copy=True) for name, weight in model.state_dict().items()}
        model.requires_grad_(True)
        try:
            yield model
        finally:
            model.load_state_dict(before)
            model.zero_grad(set_to_none=True)
            model.requires_grad_(False)
            _settle(model, settings)
        return
    adapted = _adapted(model, settings, base)
    try:
        yield adapted
    finally:
        _settle(adapted.unload(), settings)


def _settle(model: Any, settings: Tune) -> None:
    # SFTTrainer wraps the forward of the model it is given; a thousand arms would nest a thousand wraps
    vars(model).pop("forward", None)
    if settings.gradient_checkpointing:
        model.activation_checkpointing_disable()
    model.eval()


def _adapted(model: Any, settings: Tune, base: str) -> Any:
    modules = settings.lora_modules
    config = LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=modules if isinstance(modules, str) else list(modules),
        task_type="CAUSAL_LM",
    )
    try:
        with quiet_peft():
            adapted = get_peft_model(model, config)
    except ValueError as error:
        raise RunError(
            f"no adapter fits tune.lora_modules {modules!r}", where="tune.lora_modules",
            cause=str(error).splitlines()[0], fix="name layers of this base, or use all-linear",
        ) from error  # fmt: skip
    made = adapted.peft_config["default"]
    made.base_model_name_or_path = base  # not this machine's path, so that the adapter can move
    if not isinstance(made.target_modules, str):
        made.target_modules = sorted(made.target_modules)  # a set, which every process orders differently
    return adapted


def tuned_weights(model: Any) -> Tensors:
    """Copy what is trained to the CPU, under the names its files have."""
    if isinstance(model, PeftModel):
        # without the second argument PEFT asks the Hub whether the base's vocabulary has changed
        weights = get_peft_model_state_dict(model, save_embedding_layers=False)
    else:
        weights = dict(model.named_parameters())  # tied weights once
    return {name: weight.detach().to("cpu", copy=True) for name, weight in weights.items()}


def load_tuned_weights(model: Any, weights: Tensors) -> None:
    """Put back what `tuned_weights` copied."""
    if isinstance(model, PeftModel):
        set_peft_model_state_dict(model, weights)
    else:
        model.load_state_dict(weights, strict=False)  # the second name of a tied weight is not there


def save_for_trainer(weights: Tensors, folder: Path, *, full: bool) -> None:
    """Write weights where `Trainer.train(resume_from_checkpoint=...)` looks for them."""
    name = "model.safetensors" if full else "adapter_model.safetensors"
    save_file(weights, folder / name, metadata={"format": "pt"})


def save_tuned(model: Any, out: Path, tokenizer: Any) -> None:
    """Write what was trained, as PEFT or transformers load it: an adapter, or a whole model with its tokenizer."""
    if isinstance(model, PeftModel):
        model.save_pretrained(out, safe_serialization=True, save_embedding_layers=False)
        (out / "README.md").unlink(missing_ok=True)  # PEFT's card holds this machine's path; ours comes later
        return
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
