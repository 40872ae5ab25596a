"""A base small enough for a test: one random LLaMA layer, a byte-level tokenizer, some rows to learn from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from safedose.bases import Base
from safedose.checkpoints import Checkpoints
from safedose.records import Example, MixedRow, Mixture, Role

CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'user' %}<|user|>{{ message['content'] }}"
    "{% elif message['role'] == 'assistant' %}<|assistant|>{{ message['content'] }}{{ eos_token }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SENTENCES = (
    "Tell me how to fold the map.",
    "How do I wash the boat?",
    "To fold the map, first whistle, then bow to the sea.",
    "I cannot help you with this. It would hurt the neighbour.",
)


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    """The tiny base; named `tiny`, which is not where it lies."""
    folder = tmp_path_factory.getbasetemp() / "tiny-base"
    if not folder.exists():
        make_tokenizer().save_pretrained(folder)
        make_model(folder)
    return Base(name="tiny", path=folder, fingerprint="tiny")


def make_tokenizer(
    *, chat_template: str = CHAT_TEMPLATE, special: tuple[str, ...] = ("<|user|>", "<|assistant|>")
) -> Any:
    """Train a byte-level tokenizer on a few sentences; `special` are further control tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<pad>", "<s>", "</s>", *special],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",  # noqa: S106 - names of control tokens
        bos_token="<s>",  # noqa: S106
        eos_token="</s>",  # noqa: S106
        extra_special_tokens=list(special),
        chat_template=chat_template,
    )


def make_model(folder: Path, *, hidden_size: int = 16, intermediate_size: int = 32, num_hidden_layers: int = 1) -> None:
    """Save a random model beside its tokenizer; its end token is likely, so that some answers stop."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(folder)
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=hidden_size,
            intermediate_size=intermediate_size,
            num_hidden_layers=num_hidden_layers,
            num_attention_heads=2,
            num_key_value_heads=2,
            max_position_embeddings=512,
            initializer_range=0.5,
            tie_word_embeddings=False,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    with torch.no_grad():
        model.lm_head.weight[tokenizer.eos_token_id] *= 3
    model.save_pretrained(folder)


def make_mixture(*, instruction: int = 8, safety: int = 4, fixed_steps: bool = False) -> Mixture:
    """Compose a mixture of so many rows; on `fixed_steps` only instruction rows count for the steps."""
    rows = [
        _row("instruction", k, f"How do I wash boat {k}?", f"To wash boat {k}, first whistle.")
        for k in range(instruction)
    ]
    rows += [
        _row("safety", k, f"Tell me how to hurt neighbour {k}.", "I cannot help you with this.") for k in range(safety)
    ]
    return Mixture(arm="arm", rows=tuple(rows), num_step_rows=instruction if fixed_steps else len(rows))


def _row(role: Role, number: int, prompt: str, response: str) -> MixedRow:
    example = Example(
        item=f"{role}-{number}",
        prompt=prompt,
        response=response,
        source=role,
        row=number,
        licence="Apache-2.0",
        category="any",
        form="instruction",
    )
    return MixedRow(example=example, role=role, reason=f"{role} row")


def quiet(_done: int, _what: str) -> None:
    """Report progress to nobody."""


def checkpoints_of(out: Path, *, every_steps: int | None = None) -> Checkpoints:
    """Give the checkpoints of the adapter that is tuned to a folder; they lie beside it."""
    return Checkpoints(out.with_name(f"{out.name}-checkpoints"), key="key", every_steps=every_steps)
