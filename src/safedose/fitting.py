"""Whether a base and this machine fit what a study asks, found out before any weights are read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from safedose.bases import Base, first_line
from safedose.errors import InputError
from safedose.study import Study


def find_lacking(study: Study) -> tuple[InputError, ...]:
    """List what this machine lacks to tune and generate as a study asks: packages, a GPU; loads torch, no model."""
    import torch

    on_gpu, found = torch.cuda.is_available(), []
    method, four_bit = study.tune.method, study.generate.precision == "4bit"
    if (method == "qlora" or four_bit) and find_spec("bitsandbytes") is None:
        found.append(InputError(
            "4-bit weights need the package bitsandbytes", where="tune.method, generate.precision",
            cause="it is an extra of safedose", fix="pip install 'safedose[qlora]', or ask for no 4 bits",
        ))  # fmt: skip
    if method == "qlora" and not on_gpu:
        found.append(InputError(
            "tune.method: qlora needs a GPU", where="tune.method",
            cause="on a CPU, bitsandbytes gives wrong gradients through 4-bit layers that were asked before",
            fix="set tune.method: lora, or run where there is a GPU",
        ))  # fmt: skip
    old_gpu = on_gpu and not torch.cuda.is_bf16_supported()
    for stage, precision in (("tune", study.tune.precision), ("generate", study.generate.precision)):
        if (stage == "tune" and precision == "fp16" and not on_gpu) or (precision == "bf16" and old_gpu):
            found.append(InputError(
                f"{stage}.precision: {precision} cannot be had here", where=f"{stage}.precision",
                cause="training in fp16 needs a GPU, bf16 on a GPU one that knows it",
                fix=f"set {stage}.precision: auto",
            ))  # fmt: skip
    return tuple(found)


def check_model(base: Base, *, largest_id: int, layers: str | tuple[str, ...] = "all-linear") -> None:
    """Find out from config and headers alone, without reading weights, whether a base can be loaded and asked.

    Args:
        base: What to look at.
        largest_id: The largest token id it will be shown.
        layers: What is to get an adapter, in PEFT's words: `all-linear`, a pattern, or ends of names.

    Raises:
        InputError: When config or weights are broken, do not fit each other, know fewer tokens, or lack a layer.
    """
    model, missing = empty_model(base)
    if missing:
        raise _unfit(base, f"lacks {len(missing)} weights", f"such as {missing[0]}: it is another kind of model")
    if largest_id >= (num_tokens := model.get_input_embeddings().num_embeddings):
        cause = f"the tokenizer has the token id {largest_id}: it belongs to another model"
        raise _unfit(base, f"knows {num_tokens} tokens only", cause)
    if layers != "all-linear":
        _check_layers(base, [name for name, _ in model.named_modules()], layers)


def empty_model(base: Base) -> tuple[Any, list[str]]:
    """Build a base without its weights; also lists weights that it lacks, where they are here to be looked at.

    Raises:
        InputError: When config or headers are broken.
    """
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.CRITICAL)  # what it would report is in the errors below
    try:
        if base.complete:
            model, found = AutoModelForCausalLM.from_pretrained(
                base.path, device_map="meta", output_loading_info=True, use_safetensors=True, trust_remote_code=False
            )
            return model, sorted(found["missing_keys"])
        import torch

        with torch.device("meta"):
            config = AutoConfig.from_pretrained(base.path, trust_remote_code=False)
            return AutoModelForCausalLM.from_config(config, trust_remote_code=False), []
    except Exception as error:  # as for the tokenizer: config and headers are somebody else's
        raise _unfit(base, "cannot be loaded", first_line(error)) from error
    finally:
        logging.set_verbosity(verbosity)


def weight_shapes(base: Base) -> dict[str, tuple[int, ...]]:
    """Say how large each weight of a base is, by name; tied ones once."""
    model, _ = empty_model(base)
    return {name: tuple(weight.shape) for name, weight in model.named_parameters()}


def _check_layers(base: Base, names: Sequence[str], layers: str | tuple[str, ...]) -> None:
    """Find every layer that is asked for; PEFT leaves out in silence what it does not find, if it finds another."""
    try:
        if isinstance(layers, str):  # a pattern of whole names
            lacking = [layers] * (not any(re.fullmatch(layers, name) for name in names))
        else:
            lacking = [layer for layer in layers if not any(f".{name}".endswith(f".{layer}") for name in names)]
        cause = "the name is misspelt, or belongs to another kind of model"
    except re.error as error:
        lacking, cause = [str(layers)], f"it is no regular expression: {error}"
    if lacking:
        raise InputError(
            f"base {base.name!r} has no layer {', '.join(map(repr, lacking))}", where="tune.lora_modules", cause=cause,
            fix="use all-linear, a list of ends of names such as [q_proj, v_proj], or a pattern of whole names",
        )  # fmt: skip


def _unfit(base: Base, problem: str, cause: str) -> InputError:
    return InputError(
        f"the model of base {base.name!r} {problem}", where=str(base.path), cause=cause,
        fix="give a causal language model with config.json and safetensors weights as they were published",
    )  # fmt: skip
