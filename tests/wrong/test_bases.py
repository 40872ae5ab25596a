"""Bases that cannot be loaded or do not fit together: found from headers, before any weight is read or file written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from refusing import Refused
from tiny_model import CHAT_TEMPLATE, make_tokenizer

Change = Callable[[Path], object]


def setting(file: str, **values: Any) -> Change:
    """Set or, by None, take out keys of a JSON file."""

    def change(base: Path) -> None:
        content = json.loads((base / file).read_text()) | values
        (base / file).write_text(json.dumps({key: value for key, value in content.items() if value is not None}))

    return change


def writing(file: str, content: bytes) -> Change:
    return lambda base: (base / file).write_bytes(content)


def without(*files: str) -> Change:
    return lambda base: [(base / file).unlink() for file in files]


def weights(
    header: Callable[[dict[str, Any]], Any] | None = None, *, length: int | None = None, cut: int = 0
) -> Change:
    """Write the weights again: with another header, a wrong length of it, or a part cut off at the end."""

    def change(base: Path) -> None:
        old = (base / "model.safetensors").read_bytes()
        size = int.from_bytes(old[:8], "little")
        tensors, data = json.loads(old[8 : 8 + size]), old[8 + size :]
        text = json.dumps(header(tensors) if header else tensors).encode()
        new = (len(text) if length is None else length).to_bytes(8, "little") + text + data
        (base / "model.safetensors").write_bytes(new[: len(new) - cut])

    return change


def tensor(**values: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Change what a header says of one tensor."""
    return lambda tensors: tensors | {"model.norm.weight": tensors["model.norm.weight"] | values}


def overlapping(tensors: dict[str, Any]) -> dict[str, Any]:
    return tensor(data_offsets=tensors["lm_head.weight"]["data_offsets"])(tensors)


def renamed(tensors: dict[str, Any]) -> dict[str, Any]:
    return {f"other.{name}" if name != "__metadata__" else name: value for name, value in tensors.items()}


def tokenizer(**options: Any) -> Change:
    return lambda base: make_tokenizer(**options).save_pretrained(base)


def pickled(base: Path) -> None:
    (base / "model.safetensors").rename(base / "pytorch_model.bin")


def split(shard: str | None) -> Change:
    """Say in an index that the weights lie in another file; None writes an index that is none."""

    def change(base: Path) -> None:
        (base / "model.safetensors").rename(base / "model-00001-of-00001.safetensors")
        index = {"metadata": {"total_size": 1}, "weight_map": {"model.norm.weight": shard}}
        (base / "model.safetensors.index.json").write_text(json.dumps(index) if shard else "{")

    return change


BASES: dict[str, tuple[Change, str]] = {
    "an empty folder": (lambda base: [file.unlink() for file in base.iterdir()], "has no safetensors weights"),
    "pickled weights": (pickled, "has no safetensors weights"),
    "no weights": (without("model.safetensors"), "has no safetensors weights"),
    "weights of no bytes": (writing("model.safetensors", b""), "cannot be loaded"),
    "weights of seven bytes": (writing("model.safetensors", b"1234567"), "cannot be loaded"),
    "weights that are a pickle": (writing("model.safetensors", b"\x80\x04" + b"\0" * 90), "cannot be loaded"),
    "weights that are a pointer": (writing("model.safetensors", b"version https://git-lfs"), "cannot be loaded"),
    "weights cut in half": (weights(cut=10_000), "cannot be loaded"),
    "weights a byte short": (weights(cut=1), "cannot be loaded"),
    "a header longer than the file": (weights(length=10**7), "cannot be loaded"),
    "a header of 4 EiB": (weights(length=2**62), "cannot be loaded"),
    "a header of no length": (weights(length=0), "cannot be loaded"),
    "a header cut short": (weights(length=40), "cannot be loaded"),
    "a header that is a list": (weights(lambda _: []), "cannot be loaded"),
    "a header of nothing": (weights(lambda _: {}), "cannot be loaded"),
    "a header that nests deep": (weights(lambda tensors: tensors | {"x": [[[[[]]]]]}), "cannot be loaded"),
    "tensors that overlap": (weights(overlapping), "cannot be loaded"),
    "a tensor beyond the end": (weights(tensor(data_offsets=[0, 2**60])), "cannot be loaded"),
    "a tensor before the start": (weights(tensor(data_offsets=[-64, 0])), "cannot be loaded"),
    "a tensor backwards": (weights(tensor(data_offsets=[64, 0])), "cannot be loaded"),
    "a tensor of another shape": (weights(tensor(shape=[2, 8])), "cannot be loaded"),
    "a tensor of a shape beyond memory": (weights(tensor(shape=[2**40, 2**40])), "cannot be loaded"),
    "a tensor of an unknown kind": (weights(tensor(dtype="F7")), "cannot be loaded"),
    "a tensor of words": (weights(tensor(shape="many")), "cannot be loaded"),
    "tensors of another model": (weights(renamed), "lacks 12 weights"),
    "an index to a file that is not there": (split("none.safetensors"), "cannot be loaded"),
    "an index that is no JSON": (split(None), "cannot be loaded"),
    "no config": (without("config.json"), "cannot be loaded"),
    "a config that is no JSON": (writing("config.json", b"{"), "cannot be "),
    "a config of nothing": (writing("config.json", b"{}"), "cannot be "),
    "a config that is a list": (writing("config.json", b"[]"), "cannot be "),
    "a config in UTF-16": (writing("config.json", "{}".encode("utf-16")), "cannot be "),
    "a config of no bytes": (writing("config.json", b""), "cannot be "),
    "a config of no kind": (setting("config.json", model_type=None), "cannot be loaded"),
    "a config of an unknown kind": (setting("config.json", model_type="nonsense"), "cannot be loaded"),
    "a config of a kind that is run from code": (
        setting("config.json", model_type="mine", auto_map={"AutoModelForCausalLM": "code.Mine"}), "cannot be loaded",
    ),
    "a config of a model for speech": (setting("config.json", model_type="whisper"), ""),
    "a config of a model for masks": (setting("config.json", model_type="bert"), "lacks"),
    "a config of a model for pictures": (setting("config.json", model_type="vit"), "cannot be loaded"),
    "more layers than weights": (setting("config.json", num_hidden_layers=2), "lacks 9 weights"),
    "another width than the weights": (setting("config.json", hidden_size=32), "cannot be loaded"),
    "a width of words": (setting("config.json", hidden_size="wide"), "cannot be "),
    "a width below nothing": (setting("config.json", hidden_size=-16), "cannot be "),
    "a width that heads do not divide": (setting("config.json", num_attention_heads=3), "cannot be "),
    "fewer tokens than weights": (setting("config.json", vocab_size=10), "cannot be loaded"),
    "an activation nobody knows": (setting("config.json", hidden_act="magic"), "cannot be loaded"),
    "no tokenizer": (without("tokenizer.json", "tokenizer_config.json"), "the tokenizer of base 'wrong' cannot be"),
    "a tokenizer without its words": (without("tokenizer.json"), "the tokenizer of base 'wrong' cannot be"),
    "a tokenizer without its settings": (without("tokenizer_config.json"), "the tokenizer has no end token"),
    "a tokenizer that is no JSON": (writing("tokenizer.json", b"{"), "the tokenizer of base 'wrong' cannot be"),
    "a tokenizer of nothing": (writing("tokenizer.json", b"{}"), "the tokenizer of base 'wrong' cannot be"),
    "a tokenizer in UTF-16": (writing("tokenizer.json", "{}".encode("utf-16")), "the tokenizer of base 'wrong' cannot"),
    "a tokenizer of an unknown kind": (setting("tokenizer.json", model={"type": "Magic"}), "the tokenizer of base"),
    "tokenizer settings that are a list": (writing("tokenizer_config.json", b"[]"), "the tokenizer of base 'wrong'"),
    "tokenizer settings that are no JSON": (writing("tokenizer_config.json", b"{"), "the tokenizer of base 'wrong'"),
    "a tokenizer without an end": (setting("tokenizer_config.json", eos_token=None), "the tokenizer has no end token"),
    "a tokenizer of another model": (tokenizer(special=tuple(f"<{k}>" for k in range(90))), "knows 320 tokens only"),
    "no chat template": (without("chat_template.jinja"), "the tokenizer has no chat template"),
    "a chat template that is no template": (writing("chat_template.jinja", b"{% for %}"), "the chat template fails"),
    "a chat template that refuses": (writing("chat_template.jinja", b"{{ raise_exception('no') }}"), "template fails"),
    "a chat template that divides by zero": (writing("chat_template.jinja", b"{{ 1 // 0 }}"), "template fails"),
    "a chat template of nothing": (writing("chat_template.jinja", b"x"), "does not say every turn exactly once"),
    "a chat template that repeats": (tokenizer(chat_template=CHAT_TEMPLATE * 2), "every turn exactly once"),
    "a chat template that reaches out": (
        writing("chat_template.jinja", b"{{ messages.__class__.__mro__[1].__subclasses__() }}"), "the chat template",
    ),
}  # fmt: skip
"""What is done to a base, and what must be said of it."""

NAMES = {
    "a folder that is not there": ("bases/none", "neither a folder nor to be had from the Hub"),
    "a Hub id while offline": ("somebody/model", "neither a folder nor to be had from the Hub"),
    "a Hub id with a revision": ("somebody/model@main", "neither a folder nor to be had from the Hub"),
    "a Hub id with two slashes": ("some/body/model", "neither a folder nor to be had from the Hub"),
    "a Hub id with blanks": ("some body/model", "neither a folder nor to be had from the Hub"),
    "a revision of nothing": ("'@main'", "neither a folder nor to be had from the Hub"),
    "an address": ("https://example.com/model", "neither a folder nor to be had from the Hub"),
    "a misspelt small world": ("smalworld", "neither a folder nor to be had from the Hub"),
    "a file": ("safety.jsonl", "neither a folder nor to be had from the Hub"),
    "the folder of the study": (".", "has no safetensors weights"),
    "a name longer than disks allow": ("x" * 300, "neither a folder nor to be had from the Hub"),
    "a path longer than systems allow": ("x/" * 3000, "neither a folder nor to be had from the Hub"),
    "a link to itself": ("loop", "neither a folder nor to be had from the Hub"),
    "a place holder of a recipe": ("<a folder, or a Hub id with @revision>", "still stand in <angle brackets>: base"),
    "a second one that is not there": ("[base, none]", "base 'none' is neither a folder"),
}  # fmt: skip

LAYERS = {
    "a layer the base lacks": ("[c_attn]", "has no layer 'c_attn'"),
    "one layer of two that the base lacks": ("[q_proj, v_prj]", "has no layer 'v_prj'"),
    "the end of a name that is no name": ("[proj]", "has no layer 'proj'"),
    "a name where a pattern is needed": ("q_proj", "has no layer 'q_proj'"),
    "a pattern that is none": ("'('", "it is no regular expression"),
    "all-linear in a list": ("[all-linear]", "has no layer 'all-linear'"),
}


@pytest.mark.parametrize("wrong", BASES)
def test_base_is_refused(wrong: str, right: Path, study: Path, refused: Refused) -> None:
    change, message = BASES[wrong]
    change(shutil.copytree(right / "base", study.with_name("wrong")))

    refused("run", study, "--set", "base=wrong", saying=message)


@pytest.mark.parametrize("wrong", NAMES)
def test_base_that_is_nowhere_is_refused(wrong: str, study: Path, refused: Refused) -> None:
    name, message = NAMES[wrong]
    study.with_name("loop").symlink_to("loop")

    refused("run", study, "--set", f"base={name}", saying=message)


@pytest.mark.parametrize("wrong", LAYERS)
def test_layer_that_is_not_there_is_refused(wrong: str, study: Path, refused: Refused) -> None:
    layers, message = LAYERS[wrong]

    refused("run", study, "--set", f"tune.lora_modules={layers}", saying=message)
