"""Small random models in the layouts people bring, each with a tokenizer and template of its kind.

The templates are written for these tests after what the publishers' ones do: where turns begin and end, what becomes of
system turns, dates and thoughts. A byte-level tokenizer stands for LLaMA 3, Qwen, Falcon and Phi, one that marks
spaces as SentencePiece does for LLaMA, Gemma and Mistral.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tiny_model import SENTENCES

TURN = "{{ '<|' + m['role'] + '|>\n' + m['content'] + '<|end|>\n' }}"
TEMPLATES = {
    "llama-2": (
        "{% if messages[0]['role'] == 'system' %}{% set s = '<<SYS>>\n' + messages[0]['content'] + '\n<</SYS>>\n\n' %}"
        "{% set messages = messages[1:] %}{% else %}{% set s = '' %}{% endif %}"
        "{% for m in messages %}{% if m['role'] == 'user' %}"
        "{{ bos_token + '[INST] ' + (s if loop.first else '') + m['content'].strip() + ' [/INST]' }}"
        "{% else %}{{ ' ' + m['content'].strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
    ),
    "llama-3": (
        "{{ bos_token }}{% if strftime_now is defined %}{% set day = strftime_now('%d %b %Y') %}"
        "{% else %}{% set day = date_string %}{% endif %}"
        "{{ '<|start|>system<|stop|>\n\nToday Date: ' + day + '\n\n' }}"
        "{% if messages[0]['role'] == 'system' %}{{ messages[0]['content'] }}"
        "{% set messages = messages[1:] %}{% endif %}"
        "{{ '<|eot|>' }}{% for m in messages %}"
        "{{ '<|start|>' + m['role'] + '<|stop|>\n\n' + m['content'] | trim + '<|eot|>' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|start|>assistant<|stop|>\n\n' }}{% endif %}"
    ),
    "qwen-3": (
        "{% for m in messages %}{% if m['role'] == 'assistant' and loop.last %}"
        "{{ '<|im_start|>assistant\n<think>\n\n</think>\n\n' + m['content'] + '<|im_end|>\n' }}"
        "{% else %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
        "{% if enable_thinking is defined and enable_thinking is false %}{{ '<think>\n\n</think>\n\n' }}{% endif %}"
        "{% endif %}"
    ),
    "gemma": (
        "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
        "{% for m in messages %}{{ '<start_of_turn>' + ('model' if m['role'] == 'assistant' else 'user') + '\n'"
        " + m['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
    ),
    "phi-3": (
        "{% for m in messages %}"
        + TURN
        + "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
    ),
}
TEMPLATES["mistral"] = (
    TEMPLATES["llama-2"]
    .replace("{{ bos_token + '[INST] '", "{{ '[INST] '")
    .replace("{% for m in messages %}", "{{ bos_token }}{% for m in messages %}", 1)
)


@dataclass(frozen=True, slots=True)
class Family:
    """A layout: the configuration class, what it needs besides the common sizes, and its tokenizer.

    Attributes:
        config: Name of the class in transformers.
        settings: What differs from the common sizes.
        template: Key of `TEMPLATES`; None for a base without one.
        spaces: Whether the tokenizer marks spaces as SentencePiece does.
        control: Control tokens besides start and end.
        pad: Whether the tokenizer has a pad token.
    """

    config: str
    settings: dict[str, Any]
    template: str | None
    spaces: bool = False
    control: tuple[str, ...] = ()
    pad: bool = False


FAMILIES = {
    "llama": Family("LlamaConfig", {}, None, spaces=True),
    "llama-2-chat": Family("LlamaConfig", {}, "llama-2", spaces=True),
    "llama-3": Family(
        "LlamaConfig", {"num_key_value_heads": 1}, "llama-3", control=("<|start|>", "<|stop|>", "<|eot|>")
    ),
    "qwen-2": Family("Qwen2Config", {"tie_word_embeddings": True}, "phi-3", pad=True, control=("<|end|>",)),
    "qwen-3": Family(
        "Qwen3Config", {"tie_word_embeddings": True, "head_dim": 16}, "qwen-3", pad=True,
        control=("<|im_start|>", "<|im_end|>"),
    ),
    "gemma": Family(
        "GemmaConfig", {"head_dim": 16, "tie_word_embeddings": True}, "gemma", spaces=True, pad=True,
        control=("<start_of_turn>", "<end_of_turn>"),
    ),
    "gemma-2": Family(
        "Gemma2Config", {"head_dim": 16, "query_pre_attn_scalar": 16}, "gemma", spaces=True, pad=True,
        control=("<start_of_turn>", "<end_of_turn>"),
    ),
    "falcon": Family("FalconConfig", {"multi_query": True, "parallel_attn": True, "bias": False}, None),
    "mistral": Family("MistralConfig", {"num_key_value_heads": 1, "sliding_window": 8}, "mistral", spaces=True),
    "phi": Family("PhiConfig", {"partial_rotary_factor": 0.5}, None),
    "phi-3": Family(
        "Phi3Config", {"pad_token_id": 0}, "phi-3", pad=True, control=("<|user|>", "<|assistant|>", "<|end|>")
    ),
}  # fmt: skip


def make_family(name: str, folder: Path) -> None:
    """Save a random model of a family with its tokenizer."""
    import torch
    import transformers

    family = FAMILIES[name]
    tokenizer = make_tokenizer(family)
    tokenizer.save_pretrained(folder)
    sizes = {  # more rows than tokens, as published models have
        "vocab_size": len(tokenizer) + 8, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 512, "initializer_range": 0.5,
        "bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id,
    }  # fmt: skip
    config = getattr(transformers, family.config)(**(sizes | family.settings))
    torch.manual_seed(0)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)


def make_tokenizer(family: Family) -> Any:
    """Train a tokenizer of the family's kind on a few sentences."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE(byte_fallback=family.spaces, unk_token="<unk>" if family.spaces else None))
    special = ["<pad>", "<s>", "</s>", *(["<unk>"] if family.spaces else []), *family.control]
    if family.spaces:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        tokenizer.decoder = decoders.Sequence(
            [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
        )
        alphabet = []
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([*SENTENCES, "[INST] [/INST] <<SYS>> system user assistant model"], trainer)
    if family.spaces:  # letters it has not seen are read byte by byte
        made = json.loads(tokenizer.to_str())
        vocabulary = made["model"]["vocab"]
        vocabulary |= {f"<0x{byte:02X}>": len(vocabulary) + byte for byte in range(256)}
        tokenizer = Tokenizer.from_str(json.dumps(made))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>",  # noqa: S106 - names of control tokens
        pad_token="<pad>" if family.pad else None, extra_special_tokens=list(family.control),
        chat_template=TEMPLATES[family.template] if family.template else None,
    )  # fmt: skip
