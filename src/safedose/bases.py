"""Base models: where they are, what identifies them, and how they are loaded.

Only safetensors are read and remote code is never run. torch and transformers are imported when a
base is loaded, not before.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from safedose.errors import InputError, SafedoseError
from safedose.hub import LIGHT, WEIGHTS, find_snapshot, is_hub_id

SMALL_WORLD = Path(__file__).parent / "smallworld" / "base"


@dataclass(frozen=True, slots=True)
class Base:
    """A base model on disk.

    Attributes:
        name: As the study names it.
        path: Folder with weights and tokenizer.
        fingerprint: sha256 over all of its files: what it is, whatever it is called.
        commit: Which state of its repository on the Hub it is; empty for a folder.
        complete: Whether its weights are here; otherwise only what says how it is built and reads.
    """

    name: str
    path: Path
    fingerprint: str
    commit: str = ""
    complete: bool = True


@cache
def find_base(name: str, *, root: Path, weights: bool = True) -> Base:
    """Locate a base and fingerprint its files.

    Args:
        name: `smallworld`, a folder, or a Hub id with an optional @revision (fetched once).
        root: Folder that a relative path starts from: the study's.
        weights: Fetch the weights of a Hub id too, if they are not here.

    Raises:
        InputError: When it is nowhere, or has no safetensors weights.
        Unfetched: When it is on the Hub only, which cannot be reached.
    """
    path, commit, complete = SMALL_WORLD if name == "smallworld" else root / name, "", True
    if not _is_folder(path):
        if not is_hub_id(name):
            raise InputError(
                f"base {name!r} is neither a folder nor to be had from the Hub", where="base in the study file",
                cause="there is no such folder, and an id of the Hub is owner/name, with an optional @revision",
                fix="give a folder with model and tokenizer, `smallworld`, or a Hub id",
            )  # fmt: skip
        snapshot = find_snapshot(name, root=root, weights=weights)
        path, commit, complete = snapshot.path, snapshot.commit, snapshot.complete
    if (complete or weights) and not any(path.glob("*.safetensors")):
        raise InputError(
            f"base {name!r} has no safetensors weights", where=str(path),
            cause="only pickled weights were published, or the folder is not a model",
            fix="convert the weights to safetensors; pickled weights are never loaded",
        )  # fmt: skip
    digest = hashlib.sha256()
    for file in sorted({f for pattern in (*LIGHT, WEIGHTS) for f in path.glob(pattern)}):
        with file.open("rb") as stream:
            digest.update(file.name.encode() + hashlib.file_digest(stream, "sha256").digest())
    return Base(name=name, path=path, fingerprint=digest.hexdigest(), commit=commit, complete=complete)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name too long for the disk
        return False


def load_tokenizer(base: Base) -> Any:
    """Load the tokenizer of a base, with left padding and a pad token (the end token where it has none).

    Raises:
        InputError: When its files are missing or cannot be read.
    """
    from transformers import AutoTokenizer

    with blaming_tokenizer(base):
        tokenizer = AutoTokenizer.from_pretrained(base.path, trust_remote_code=False)
        tokenizer.padding_side = "left"
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


@contextmanager
def blaming_tokenizer(base: Base) -> Iterator[None]:
    """Turn whatever goes wrong in the block into an error that names the files of the tokenizer.

    They are somebody else's, and nobody checks them before a library stumbles on them, in whatever way.
    """
    try:
        yield
    except SafedoseError:
        raise
    except Exception as error:
        raise InputError(
            f"the tokenizer of base {base.name!r} cannot be used", where=str(base.path), cause=_first_line(error),
            fix="put config.json, tokenizer.json and tokenizer_config.json, as published, beside the weights",
        ) from error  # fmt: skip


def check_model(base: Base, *, largest_id: int, layers: str | tuple[str, ...] = "all-linear") -> None:
    """Find out from config and headers alone, without reading weights, whether a base can be loaded and asked.

    Args:
        base: What to look at.
        largest_id: The largest token id it will be shown.
        layers: What is to get an adapter, in PEFT's words: `all-linear`, a pattern, or ends of names.

    Raises:
        InputError: When config or weights are broken, do not fit each other, know fewer tokens, or lack a layer.
    """
    model, missing = _empty_model(base)
    if missing:
        raise _unfit(base, f"lacks {len(missing)} weights", f"such as {missing[0]}: it is another kind of model")
    if largest_id >= (num_tokens := model.get_input_embeddings().num_embeddings):
        cause = f"the tokenizer has the token id {largest_id}: it belongs to another model"
        raise _unfit(base, f"knows {num_tokens} tokens only", cause)
    if layers != "all-linear":
        _check_layers(base, [name for name, _ in model.named_modules()], layers)


def _empty_model(base: Base) -> tuple[Any, list[str]]:
    """Build a base without its weights; also lists weights that it lacks, where they are here to be looked at."""
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
        raise _unfit(base, "cannot be loaded", _first_line(error)) from error
    finally:
        logging.set_verbosity(verbosity)


def weight_shapes(base: Base) -> dict[str, tuple[int, ...]]:
    """Say how large each weight of a base is, by name; tied ones once."""
    model, _ = _empty_model(base)
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


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"


def pick_precision(precision: str) -> str:
    """Turn `auto` into the best this hardware computes in: bf16, else fp16, on a CPU fp32."""
    import torch

    if precision != "auto":
        return precision
    if not torch.cuda.is_available():
        return "fp32"
    return "bf16" if torch.cuda.is_bf16_supported() else "fp16"


def require_hardware(precision: str, *, four_bit: bool, training: bool) -> None:
    """Find out whether this machine can compute as a study asks; loads torch, no model.

    Raises:
        InputError: When a package or a GPU is missing.
    """
    import torch

    stage, on_gpu = "tune" if training else "generate", torch.cuda.is_available()
    if four_bit and find_spec("bitsandbytes") is None:
        raise InputError(
            "4-bit weights need the package bitsandbytes", where=stage, cause="it is an extra of safedose",
            fix="pip install 'safedose[qlora]', or ask for no 4 bits",
        )  # fmt: skip
    if training and four_bit and not on_gpu:
        raise InputError(
            "tune.method: qlora needs a GPU", where="tune.method",
            cause="on a CPU, bitsandbytes gives wrong gradients through 4-bit layers that were asked before",
            fix="set tune.method: lora, or run where there is a GPU",
        )  # fmt: skip
    if (training and precision == "fp16" and not on_gpu) or (
        precision == "bf16" and on_gpu and not torch.cuda.is_bf16_supported()
    ):
        raise InputError(
            f"{stage}.precision: {precision} cannot be had here", where=f"{stage}.precision",
            cause="training in fp16 needs a GPU, bf16 on a GPU one that knows it", fix=f"set {stage}.precision: auto",
        )  # fmt: skip


def load_model(base: Base, precision: str = "auto", *, four_bit: bool = False) -> Any:
    """Load the weights of a base for evaluation, on the GPU if there is one.

    Args:
        base: Where they are.
        precision: `fp32`, `bf16`, `fp16`, or `auto`: the best this hardware computes in.
        four_bit: Keep linear layers in 4 bits (NF4, quantised twice; arXiv 2305.14314), computing in `precision`.
    """
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    on_gpu = torch.cuda.is_available()
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[pick_precision(precision)]
    extra: dict[str, Any] = {}
    if four_bit:
        from transformers import BitsAndBytesConfig

        extra["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
        )
    model = AutoModelForCausalLM.from_pretrained(
        base.path, dtype=dtype, device_map="cuda" if on_gpu else "cpu", use_safetensors=True, trust_remote_code=False,
        **extra,
    )  # fmt: skip
    return model.requires_grad_(False).eval()


@dataclass(frozen=True, slots=True)
class Accelerator:
    """One device that models can be loaded to.

    Attributes:
        name: As its maker calls it.
        num_bytes: Its memory.
        bfloat16: Whether it computes in bfloat16, as evaluation does there.
    """

    name: str
    num_bytes: int
    bfloat16: bool


def find_accelerators() -> tuple[Accelerator, ...]:
    """List the devices torch can use here; loads torch, and raises whatever a broken torch raises."""
    import torch

    found = []
    for number in range(torch.cuda.device_count()):
        known = torch.cuda.get_device_properties(number)
        with torch.cuda.device(number):
            found.append(Accelerator(known.name, known.total_memory, torch.cuda.is_bf16_supported()))
    return tuple(found)
