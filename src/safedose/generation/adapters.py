"""Adapters that others trained: what lies in a folder, and whether it fits a base; no weights are read.

What fits is asked of PEFT itself: it puts an adapter of this configuration on the base without weights, and the names
and shapes that come out must be those of the file. A loaded adapter that lacks some would be half on, in silence.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safedose.errors import InputError

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_MAX_CONFIG = 2**20
_PICKLES = ("adapter_model.bin", "adapter_model.pt", "adapter_model.pth")

_STARTS = (True, False, "gaussian", "orthogonal", "eva")
"""Values of `init_lora_weights` that leave the base as it is; PiSSA, OLoRA, CorDA and LoftQ change it."""

_UNDERSTOOD = {
    "alpha_pattern", "auto_mapping", "base_model_name_or_path", "bias", "exclude_modules", "fan_in_fan_out",
    "inference_mode", "init_lora_weights", "layers_pattern", "layers_to_transform", "lora_alpha", "lora_bias",
    "lora_dropout", "megatron_core", "modules_to_save", "peft_type", "peft_version", "r", "rank_pattern", "revision",
    "runtime_config", "target_modules", "target_parameters", "task_type", "trainable_token_indices", "use_dora",
    "use_rslora",
}  # fmt: skip
"""Settings of PEFT's LoraConfig that can be put on a base and taken off again; the others must be at their defaults."""

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundAdapter:
    """An adapter in a folder, as far as can be told without a base.

    Attributes:
        folder: Where it lies.
        config: Its `adapter_config.json`.
        shapes: Shape of each weight by name, from the header of its file.
        sha256: Over both files: what it is, wherever it lies.
        strange: Settings that this PEFT does not know and leaves aside.
    """

    folder: Path
    config: Mapping[str, Any]
    shapes: Shapes
    sha256: str
    strange: tuple[str, ...]

    @property
    def trained_on(self) -> str:
        """The base that its configuration names; empty where it names none."""
        return str(self.config.get("base_model_name_or_path") or "")

    @property
    def num_weights(self) -> int:
        """Numbers in its file of weights."""
        return sum(map(math.prod, self.shapes.values()))


def look_at(folder: Path, *, where: str) -> FoundAdapter:
    """Look at an adapter in PEFT layout.

    Args:
        folder: Where it lies; it exists.
        where: What named it, for messages.

    Raises:
        InputError: When it is no LoRA adapter with safetensors weights, or does what cannot be taken off a base again.
    """
    config = _read_config(folder, where)
    strange = _check_config(config, folder, where)
    if not (folder / WEIGHTS).is_file():
        _refuse_other_weights(folder, where)
    sha256 = hashlib.sha256()
    for name in (CONFIG, WEIGHTS):
        with (folder / name).open("rb") as stream:
            sha256.update(hashlib.file_digest(stream, "sha256").digest())
    shapes = _shapes(folder / WEIGHTS, where)
    return FoundAdapter(folder=folder, config=config, shapes=shapes, sha256=sha256.hexdigest(), strange=strange)


def _read_config(folder: Path, where: str) -> dict[str, Any]:
    file = folder / CONFIG
    if not file.is_file():
        whole = (folder / "config.json").is_file()
        raise InputError(
            f"{folder.name} is a whole model, not an adapter" if whole else f"{folder.name} holds no {CONFIG}",
            where=where,
            cause="all weights were tuned, or the adapter was merged into its base"
            if whole
            else "it is not the folder of an adapter as PEFT saves it",
            fix="give the adapter from before it was merged; or let the model answer, and `safedose import responses`"
            if whole
            else f"name the folder that holds {CONFIG} and {WEIGHTS}",
        )
    problem = ""
    with file.open("rb") as stream:
        text = stream.read(_MAX_CONFIG + 1)
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        config, problem = None, f": {str(error).splitlines()[0]}"
    if not isinstance(config, dict) or len(text) > _MAX_CONFIG:
        raise InputError(
            f"{folder.name}/{CONFIG} is no JSON object{problem}", where=where,
            cause="the file was cut, damaged or written by hand", fix="copy the adapter again from where it was saved",
        )  # fmt: skip
    return config


def _check_config(config: Mapping[str, Any], folder: Path, where: str) -> tuple[str, ...]:
    """Refuse what cannot be put on a base and taken off again; gives the settings that nobody knows."""
    from peft import LoraConfig

    kind, task = str(config.get("peft_type")), config.get("task_type")
    if kind.upper() != "LORA":
        raise _unusable(folder, where, f"is of the kind {kind}", "only LoRA adapters can be put on and taken off here")
    if task not in (None, "CAUSAL_LM"):
        raise _unusable(folder, where, f"is for the task {task}", "it classifies or embeds, and answers no prompts")
    if config.get("auto_map"):
        raise _unusable(folder, where, "brings code of its own (auto_map)", "code of others is never run here")
    if not isinstance(config.get("r", 8), int) or config.get("r", 8) < 1:
        raise _unusable(folder, where, f"has the rank {config['r']!r}", f"{CONFIG} was written by hand")
    if config.get("init_lora_weights", True) not in _STARTS:
        raise _unusable(
            folder, where, f"was begun by {config['init_lora_weights']!r}",
            "its weights belong to a base that was changed when its training began",
            fix="save it as plain LoRA (PEFT: `path_initial_model_for_weight_conversion`)",
        )  # fmt: skip
    known = {field.name: field for field in dataclasses.fields(LoraConfig)}
    for name, value in config.items():
        field = known.get(name)
        if field and value and name not in _UNDERSTOOD and value != field.default:
            raise _unusable(folder, where, f"uses {name}", "nobody has tested here that it comes off a base again")
    return tuple(sorted(name for name, value in config.items() if value and name not in known))


def _refuse_other_weights(folder: Path, where: str) -> None:
    pickled = next((name for name in _PICKLES if (folder / name).is_file()), None)
    if pickled:
        raise InputError(
            f"the weights of {folder.name} are pickled ({pickled})", where=where,
            cause="older versions of PEFT saved them so; a pickle can run any code, and is never loaded",
            fix="where you trust it: load it with PEFT and call save_pretrained(FOLDER, safe_serialization=True)",
        )  # fmt: skip
    raise InputError(
        f"{folder.name} holds no {WEIGHTS}", where=where, cause="the weights were not copied, or not saved",
        fix="copy the adapter again from where it was saved",
    )  # fmt: skip


def _shapes(file: Path, where: str) -> Shapes:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="np") as found:
            return {name: tuple(found.get_slice(name).get_shape()) for name in found.keys()}  # noqa: SIM118 - no dict
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"{file.parent.name}/{file.name} cannot be read", where=where,
            cause=str(error).splitlines()[0], fix="copy the adapter again from where it was saved",
        ) from error  # fmt: skip


def check_fit(found: FoundAdapter, model: Any, *, base: str, where: str) -> None:
    """Find out whether every weight of an adapter has its place in a base, and every place its weight.

    Args:
        found: The adapter.
        model: The base without weights, as `fitting.empty_model` builds it; it stays as it is.
        base: Name of the base, for messages.
        where: What named the adapter, for messages.

    Raises:
        InputError: Naming the first weight that does not fit.
    """
    expected = _expected(found, model, base, where)
    differing = [name for name in expected if found.shapes.get(name, expected[name]) != expected[name]]
    extra, lacking = sorted(found.shapes.keys() - expected.keys()), sorted(expected.keys() - found.shapes.keys())
    named = f"it names the base {found.trained_on!r}" if found.trained_on else "it names no base"
    if differing:
        here, there = (_by(shapes[differing[0]]) for shapes in (found.shapes, expected))
        raise _unfit(
            found, base, where,
            f"{len(differing)} weights have another shape, such as {differing[0]}: {here}, not {there}",
            f"it was trained on a base of another size, or with another vocabulary; {named}",
        )  # fmt: skip
    if extra:
        raise _unfit(
            found, base, where, f"{len(extra)} weights have no place in it, such as {extra[0]}",
            f"the base lacks these layers, or whole embeddings were saved along; {named}",
        )  # fmt: skip
    if lacking:
        raise _unfit(
            found, base, where, f"{len(lacking)} weights are not there, such as {lacking[0]}",
            f"the base has more layers, or the file is incomplete; {named}",
        )  # fmt: skip


def _expected(found: FoundAdapter, model: Any, base: str, where: str) -> Shapes:
    """Let PEFT put an adapter of this configuration on a base without weights; gives what its file would hold."""
    from peft import LoraConfig, get_peft_model, get_peft_model_state_dict

    fields = {field.name for field in dataclasses.fields(LoraConfig)} - {"peft_type", "auto_mapping", "inference_mode"}
    settings = {name: value for name, value in found.config.items() if name in fields}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            config = LoraConfig(**settings, inference_mode=True)
            put_on = get_peft_model(copy.deepcopy(model), config, low_cpu_mem_usage=True)
            # without the second argument PEFT asks the Hub whether the base's vocabulary has changed
            weights = get_peft_model_state_dict(put_on, save_embedding_layers=False)
    except Exception as error:  # the configuration is somebody else's: PEFT may stumble on it in any way
        cause = f"PEFT says: {next(iter(str(error).splitlines()), type(error).__name__)[:300]}"
        raise _unfit(found, base, where, "it cannot be put on", cause) from error
    return {name: tuple(weight.shape) for name, weight in weights.items()}


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "one number"


def _unfit(found: FoundAdapter, base: str, where: str, problem: str, cause: str) -> InputError:
    return InputError(
        f"the adapter {found.folder.name} does not fit base {base!r}: {problem}", where=where, cause=cause,
        fix="give the base it was trained on (--base, or a column `base`); save it again without whole embeddings",
    )  # fmt: skip


def _unusable(folder: Path, where: str, problem: str, cause: str, *, fix: str = "") -> InputError:
    return InputError(
        f"the adapter {folder.name} {problem}", where=where, cause=cause,
        fix=fix or "leave it out of the table, or bring its answers: `safedose import responses`",
    )  # fmt: skip
