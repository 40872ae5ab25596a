"""How fast adapters are tuned and answers generated on a GPU, and which share of the card's own peak that is.

    python benchmarks/gpu.py [--sizes 0.1 1 3 8] [--steps 20]

Needs no network: bases are random weights in bf16, with LLaMA's layers and 32,000 made-up words of one token each.
The peak is measured in the same run, with a large product of bf16 matrices. Work is counted as products of weights
with activations: 2 N a generated token; 4 N a token trained with LoRA (forward, and backward to the activations); 6 N
where all weights are trained. N counts the weights of all linear layers, the head's too. Attention's own products,
adapters and what gradient checkpointing computes again are not counted, so the true share is somewhat higher.
Without a GPU it says so and ends.
"""

from __future__ import annotations

import argparse
import gc
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from safedose.bases import Base
from safedose.checkpoints import Checkpoints
from safedose.generation.local import LocalGenerator, plan_batches
from safedose.records import Example, MixedRow, Mixture, Prompt
from safedose.study import Generate, Tune
from safedose.tuning.sft import SftTuner

SPECIAL = ("<pad>", "<s>", "</s>", "<|user|>", "<|assistant|>")
CHAT = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}<|user|> {{ message['content'] }} "
    "{% else %}<|assistant|> {{ message['content'] }} {{ eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
PROMPT_WORDS, ROW_TOKENS, NUM_ROWS, NUM_PROMPTS, NEW_TOKENS = 124, 512, 8, 256, 256
WARM_UP = 3  # steps that are not counted: kernels are chosen, memory is taken

METHODS: dict[str, tuple[dict[str, Any], int]] = {
    "LoRA": ({}, 4),
    "LoRA, checkpointed": ({"gradient_checkpointing": True}, 4),
    "QLoRA": ({"method": "qlora"}, 4),
    "all weights": ({"method": "full"}, 6),
}
"""Settings of `tune`, and how many operations a weight takes part in per token."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The layers of a LLaMA."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    inner: int
    vocabulary: int = 32_000

    @property
    def num_weights(self) -> int:
        """Weights that are multiplied per token: those of linear layers; embeddings are looked up."""
        attention = 2 * self.hidden**2 * (1 + self.kv_heads / self.heads)
        return round(self.layers * (attention + 3 * self.hidden * self.inner) + self.vocabulary * self.hidden)


SHAPES = {
    "0.1": Shape(768, 12, 12, 12, 2048),
    "1": Shape(2048, 16, 32, 8, 8192),  # Llama 3.2 1B
    "3": Shape(3072, 28, 24, 8, 8192),  # Llama 3.2 3B
    "8": Shape(4096, 32, 32, 8, 14336),  # Llama 3 8B
}
"""By billions of weights; their vocabulary is smaller than that of the models they are named after."""


def make_base(folder: Path, shape: Shape, *, device: str) -> Base:
    """Write a random base with its made-up tokenizer."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    names = [*SPECIAL, *(f"w{number}" for number in range(shape.vocabulary - len(SPECIAL)))]
    known = {name: number for number, name in enumerate(names)}
    words = Tokenizer(models.WordLevel(known, unk_token="w0"))  # noqa: S106 - a word like any other
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    pad, start, end, *turns = SPECIAL
    PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token=pad, bos_token=start, eos_token=end, extra_special_tokens=turns,
        chat_template=CHAT,
    ).save_pretrained(folder)  # fmt: skip
    config = LlamaConfig(
        vocab_size=shape.vocabulary, hidden_size=shape.hidden, num_hidden_layers=shape.layers, dtype=torch.bfloat16,
        num_attention_heads=shape.heads, num_key_value_heads=shape.kv_heads, intermediate_size=shape.inner,
        max_position_embeddings=2048, tie_word_embeddings=False, pad_token_id=0, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    torch.manual_seed(0)
    with torch.device(device):
        LlamaForCausalLM._from_config(config).save_pretrained(folder)
    return Base(name="random", path=folder, fingerprint="random")


def say(rng: random.Random, num_words: int) -> str:
    """Make up a text of so many words, which are as many tokens; a word unknown to a small vocabulary is one too."""
    return " ".join(f"w{rng.randrange(30_000)}" for _ in range(num_words))


def make_mixture(num_rows: int) -> Mixture:
    """Make up rows of `ROW_TOKENS` tokens each, control tokens included."""
    rng, answer = random.Random(0), ROW_TOKENS - PROMPT_WORDS - 4  # noqa: S311 - nothing secret
    rows = [
        Example(
            item=str(number), prompt=say(rng, PROMPT_WORDS), response=say(rng, answer), source="made-up", row=number,
            licence="", category="", form="instruction",
        )
        for number in range(num_rows)
    ]  # fmt: skip
    mixed = tuple(MixedRow(example=row, role="instruction", reason="") for row in rows)
    return Mixture(arm="arm", rows=mixed, num_step_rows=num_rows)


def matmul_peak(size: int, *, device: str) -> float:
    """Give the operations per second of a product of two bf16 matrices: the best of five goes."""
    import torch

    one, other = (torch.randn(size, size, dtype=torch.bfloat16, device=device) for _ in range(2))
    seconds = []
    for _ in range(6):  # the first warms up
        wait(device)
        began = time.perf_counter()
        for _ in range(20):
            one @ other
        wait(device)
        seconds.append(time.perf_counter() - began)
    return 20 * 2 * size**3 / min(seconds[1:])


def wait(device: str) -> None:
    """Wait until the card has done all it was told."""
    import torch

    if device == "cuda":
        torch.cuda.synchronize()


def tune_speed(base: Base, folder: Path, *, steps: int, more: dict[str, Any]) -> tuple[float, int]:
    """Give tokens per second of a steady step, and how many rows memory allowed at once."""
    settings = Tune.model_validate({"epochs": 1, "batch_size": NUM_ROWS, "max_length": ROW_TOKENS, **more})
    (out := folder / "adapter").mkdir(parents=True)
    checkpoints = Checkpoints(folder / "checkpoints", key="key", every_steps=10**6)  # none: the disk is not measured
    ends: list[float] = []
    made = SftTuner(base, settings).tune(
        make_mixture(NUM_ROWS * steps), out=out, seed=1, checkpoints=checkpoints,
        advance=lambda done, _: ends.extend([time.perf_counter()] * done),
    )  # fmt: skip
    seconds = [after - before for before, after in zip(ends[WARM_UP:], ends[WARM_UP + 1 :], strict=False)]
    return NUM_ROWS * ROW_TOKENS / statistics.median(seconds), made.micro_batch_size


def answer_speed(base: Base, *, num_prompts: int, new_tokens: int, batch_tokens: int) -> float:
    """Give generated tokens per second; the first batch warms up."""
    rng = random.Random(0)  # noqa: S311 - nothing secret
    settings = Generate(max_new_tokens=new_tokens, batch_tokens=batch_tokens)
    generator = LocalGenerator(base, settings, template="chat", seed=1)
    prompts = [
        Prompt(id=str(k), suite="made-up", text=say(rng, PROMPT_WORDS), expected="either") for k in range(num_prompts)
    ]
    plan = plan_batches([PROMPT_WORDS + 3] * num_prompts, max_new_tokens=new_tokens, batch_tokens=batch_tokens)
    generator.generate([prompts[i] for i in plan[0]], arm="arm", adapter=None, batch=0)
    began = time.perf_counter()
    made = [
        response
        for number, batch in enumerate(plan)
        for response in generator.generate([prompts[i] for i in batch], arm="arm", adapter=None, batch=number)
    ]
    return sum(response.num_tokens or 0 for response in made) / (time.perf_counter() - began)


def fitting(shape: Shape, *, num_bytes: int) -> Iterator[str]:
    """Name the methods for which a card of so much memory has room; weights, and AdamW's where all are trained."""
    for name, (more, _) in METHODS.items():
        per_weight = 16 if more.get("method") == "full" else 2
        if shape.num_weights * per_weight < 0.8 * num_bytes and (name != "QLoRA" or find_spec("bitsandbytes")):
            yield name


def measure(size: str, root: Path, *, steps: int, peak: float, num_bytes: int) -> None:
    """Print what one base does."""
    import torch

    shape = SHAPES[size]
    base = make_base(root / size, shape, device="cuda")

    def tell(what: str, tokens: float, per_weight: int, note: str) -> None:
        share = tokens * per_weight * shape.num_weights / peak
        print(f"{size:>4} B  {what:<32} {tokens:12,.0f} tokens/s  {share:6.1%} of the peak  {note}", flush=True)

    for name in fitting(shape, num_bytes=num_bytes):
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        more, per_weight = METHODS[name]
        tokens, at_once = tune_speed(base, root / f"{size}-{name}", steps=steps, more=more)
        memory = torch.cuda.max_memory_allocated() / 2**30
        tell(f"tune, {name}", tokens, per_weight, f"{at_once} rows of {ROW_TOKENS} at once, {memory:.1f} GiB")
    for batch_tokens in (16_384, 98_304):
        gc.collect()
        torch.cuda.empty_cache()
        tokens = answer_speed(base, num_prompts=NUM_PROMPTS, new_tokens=NEW_TOKENS, batch_tokens=batch_tokens)
        tell(f"generate, batch_tokens {batch_tokens:,}", tokens, 2, "")


def main() -> None:
    """Measure every size for which there is room, or say that there is no GPU."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="*", default=list(SHAPES), choices=list(SHAPES), help="billions of weights")
    parser.add_argument("--steps", type=int, default=20, help="optimizer steps of each training")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        print("skipped: there is no GPU on this machine")
        return
    card = torch.cuda.get_device_properties(0)
    peak = matmul_peak(8192, device="cuda")
    print(f"{card.name}, {card.total_memory / 2**30:.0f} GiB; bf16 matrix product: {peak / 1e12:.0f} TFLOP/s")
    for size in arguments.sizes:
        if not any(fitting(SHAPES[size], num_bytes=card.total_memory)):
            print(f"{size:>4} B  skipped: no room")
            continue
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as root:
            measure(size, Path(root), steps=arguments.steps, peak=peak, num_bytes=card.total_memory)


if __name__ == "__main__":
    main()
