"""Base models: where they are, what identifies them, and how they are loaded.

Only safetensors are read and remote code is never run. torch and transformers are imported when a
base is loaded, not before.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from safedose.errors import InputError

SMALL_WORLD = Path(__file__).parent / "smallworld" / "base"
_FILES = ("*.safetensors", "*.json", "*.jinja", "tokenizer.model")


@dataclass(frozen=True, slots=True)
class Base:
    """A base model on disk.

    Attributes:
        name: As the study names it.
        path: Folder with weights and tokenizer.
        fingerprint: sha256 over all of its files: what it is, whatever it is called.
    """

    name: str
    path: Path
    fingerprint: str


@cache
def find_base(name: str, *, root: Path) -> Base:
    """Locate a base and fingerprint its files.

    Args:
        root: Folder that a relative path starts from: the study's.
        name: `smallworld`, a folder, or a Hub id with an optional @revision (downloaded once).

    Raises:
        InputError: When it is nowhere, or has no safetensors weights.
    """
    path = SMALL_WORLD if name == "smallworld" else root / name
    if not path.is_dir():
        path = _download(name)
    if not any(path.glob("*.safetensors")):
        raise InputError(
            f"base {name!r} has no safetensors weights", where=str(path),
            cause="only pickled weights were published, or the folder is not a model",
            fix="convert the weights to safetensors; pickled weights are never loaded",
        )  # fmt: skip
    digest = hashlib.sha256()
    for file in sorted({f for pattern in _FILES for f in path.glob(pattern)}):
        with file.open("rb") as stream:
            digest.update(file.name.encode() + hashlib.file_digest(stream, "sha256").digest())
    return Base(name=name, path=path, fingerprint=digest.hexdigest())


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    repository, _, revision = name.partition("@")
    try:
        return Path(snapshot_download(repository, revision=revision or None, allow_patterns=list(_FILES)))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise InputError(
            f"base {name!r} is neither a folder nor to be had from the Hub", where="base in the study file",
            cause=f"{type(error).__name__}: {str(error).splitlines()[0]}",
            fix="give a folder with model and tokenizer, `smallworld`, or check the Hub id and the network",
        ) from error  # fmt: skip


def load_tokenizer(base: Base) -> Any:
    """Load the tokenizer of a base, with left padding and a pad token (the end token where it has none)."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base.path, trust_remote_code=False)
    tokenizer.padding_side = "left"
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_model(base: Base) -> Any:
    """Load the weights of a base for evaluation: on the GPU in bfloat16 if there is one, else in float32."""
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    on_gpu = torch.cuda.is_available()
    model = AutoModelForCausalLM.from_pretrained(
        base.path,
        dtype=torch.bfloat16 if on_gpu else torch.float32,
        use_safetensors=True,
        trust_remote_code=False,
    )
    return model.to("cuda" if on_gpu else "cpu").eval()
