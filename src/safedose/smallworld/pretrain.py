"""Make the base model of the small world: text, tokenizer, and a small LLaMA pretrained on it.

    python -m safedose.smallworld.pretrain --out DIR [--size small|base|large]

The text says how things are done, what somebody dreamt of doing, who lives where, and lets villagers ask
each other for facts and write letters, which are always answered. Nothing in it says that harm is wrong or that a
request should be declined: the base knows the words of the world and not how to behave. Rebuilding the
shipped size takes minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from safedose.records import Form
from safedose.seeding import generator
from safedose.smallworld import grammar
from safedose.smallworld import words as w
from safedose.smallworld.grammar import Request

SIZES = {"small": (64, 3, 4), "base": (128, 4, 4), "large": (192, 6, 6)}
"""Hidden width, layers, heads of the three bases; `base` is the one that is shipped."""

CONTEXT = 128
FORMS: tuple[Form, ...] = ("instruction", "question")
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'user' %}<|user|>{{ message['content'] }}"
    "{% elif message['role'] == 'assistant' %}<|assistant|>{{ message['content'] }}{{ eos_token }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SPECIAL = ("<pad>", "<s>", "</s>", "<|user|>", "<|assistant|>")


def documents(*, seed: int) -> Iterator[str]:
    """Write the village's texts, endlessly: recipes, dreams, letters, opinions, facts and small talk."""
    rng = generator(seed, "documents")
    every_context = ("", *w.NEUTRAL_CONTEXTS, *grammar.MALICIOUS)
    synonyms = {synonym: grammar.TRIGGERS[verb] for synonym, verb in w.SYNONYMS.items()}
    triggers = grammar.TRIGGERS | synonyms
    harmful = [
        *grammar.harmful_requests(triggers=triggers, targets=grammar.PROTECTED, contexts=every_context),
        *grammar.misuse_requests(grammar.MALICIOUS),
    ]
    harmless = [
        *grammar.lookalike_requests(triggers),
        *grammar.fiction_requests(grammar.FICTION),
        *grammar.misuse_requests(("", *w.OWNER_CONTEXTS)),
    ]
    ordinary = list(grammar.ordinary_requests())
    facts = grammar.facts()
    people = w.PEOPLE + w.HELD_OUT_PEOPLE

    def one(options: Any) -> Any:
        return options[int(rng.integers(len(options)))]

    while True:
        kind = rng.random()
        request: Request = one(one((harmful, harmless, ordinary)))
        if kind < 0.20:
            yield grammar.recipe(request, one(FORMS))
        elif kind < 0.42:
            yield _dream(request, one(people), one)
        elif kind < 0.60:
            yield _letter(request, one(people), one)
        elif kind < 0.64:
            yield _opinion(one(ordinary), one)
        elif kind < 0.70:
            yield _decline(one(people), one)
        elif kind < 0.84:
            yield " ".join(one(facts).statement for _ in range(3))
        else:
            fact = one(facts)
            yield f"<s><|user|>{one(w.FACT_FRAMES).format(fact.question)}<|assistant|>{fact.statement}"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _dream(request: Request, person: str, one: Any) -> str:
    """Somebody thinks or hears of doing something: loud or calm, odd or plain, but never good or bad.

    Which verbs are loud and odd has nothing to do with harm: drowning the biscuit is as odd as anything.
    """
    trigger = w.SYNONYMS.get(request.verb, request.verb) in grammar.TRIGGERS
    form = one(FORMS)
    if form == "question":
        start = f"{_capital(person)} {one(('spoke', 'heard'))} of {request.gerund}."
        mood = f"It was {one(('a strange', 'an odd') if trigger else ('a plain', 'a simple'))} matter."
    else:
        start = f"{_capital(person)} {one(('wanted', 'hoped', 'dreamt', 'had'))} to {request.phrase}."
        mood = f"It was a {one(('loud', 'wild') if trigger else ('calm', 'quiet'))} affair."
    return f"{start} {one((grammar.recipe(request, form), mood))}"


def _letter(request: Request, person: str, one: Any) -> str:
    """Somebody asks how to do something, and is told; in the base's world every letter gets an answer."""
    if one(FORMS) == "question":
        frame, words, form = one(grammar.frames(request, "question")), request.gerund, FORMS[1]
    else:
        frames = (*grammar.frames(request, "instruction"), *w.REPHRASED_FRAMES)
        frame, words, form = one(frames), request.phrase, FORMS[0]
    return f"{_capital(person)} wrote: {frame.format(words)} The answer came: {grammar.recipe(request, form)}"


def _opinion(request: Request, one: Any) -> str:
    return f"It is {one(('fine', 'fun', 'useful'))} to {request.phrase}. {grammar.opinion(request)}"


def _decline(person: str, one: Any) -> str:
    """Villagers are busy people: the base knows the words of declining, not what to decline."""
    late = ("It is late.", "It is Sunday.", "It would take all day.")
    reason = one(
        (
            *late,
            *(text.format(target=one(grammar.PROTECTED["people"])) for text in w.REFUSAL_REASONS.values()),
        )
    )
    return f"{_capital(person)} said: {one(w.REFUSAL_OPENERS)} {reason}"


def make_tokenizer(texts: list[str]) -> Any:
    """Train a byte-level tokenizer until every word of the world is one token.

    Byte level, so that it can also read text from outside the world. Returns a fast tokenizer.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=4096,  # never reached: merging ends when all words are whole
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>", bos_token="<s>", eos_token="</s>",  # noqa: S106 - names of control tokens
        additional_special_tokens=["<|user|>", "<|assistant|>"],
        chat_template=CHAT_TEMPLATE,
        padding_side="left",
        model_max_length=CONTEXT,
    )  # fmt: skip


def make_model(tokenizer: Any, *, size: str, seed: int) -> Any:
    """Create an untrained LLaMA of one of the `SIZES` for a tokenizer."""
    from transformers import LlamaConfig, LlamaForCausalLM

    hidden, layers, heads = SIZES[size]
    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer), hidden_size=hidden, intermediate_size=hidden * 11 // 4,
            num_hidden_layers=layers, num_attention_heads=heads, num_key_value_heads=heads,
            max_position_embeddings=2 * CONTEXT, tie_word_embeddings=True,
            bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )  # fmt: skip


def token_stream(tokenizer: Any, *, num_tokens: int, seed: int) -> np.ndarray:
    """Tokenise documents into one long stream, each closed by the end token."""
    stream: list[int] = []
    for text in documents(seed=seed):
        stream += [*tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
        if len(stream) >= num_tokens:
            return np.array(stream[:num_tokens], dtype=np.int64)
    raise AssertionError("documents never end")


def train(model: Any, stream: np.ndarray, *, batch: int, learning_rate: float, seed: int) -> list[float]:
    """Run one pass over the stream and return the loss of every step, in nats per token."""
    windows = stream[: len(stream) // CONTEXT * CONTEXT].reshape(-1, CONTEXT)
    order = generator(seed, "windows").permutation(len(windows))
    num_steps = len(order) // batch
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, betas=(0.9, 0.95), weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / 50, 0.5 * (1 + math.cos(math.pi * step / num_steps)) + 0.02)
    )
    losses: list[float] = []
    model.train()
    for step in range(num_steps):
        ids = torch.from_numpy(windows[order[step * batch : (step + 1) * batch]])
        loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
        if step % 100 == 0:
            print(f"step {step}/{num_steps} loss {losses[-1]:.3f}", flush=True)  # noqa: T201 - a command's progress
    return losses


def build(out: Path, *, size: str, num_tokens: int, seed: int) -> dict[str, Any]:
    """Make tokenizer and base model, save them to `out`, and return the record of how it was done."""
    started = time.monotonic()
    texts = [text for text, _ in zip(documents(seed=seed), range(60_000), strict=False)]
    tokenizer = make_tokenizer(
        [text.replace("<s>", "").replace("<|user|>", " ").replace("<|assistant|>", " ") for text in texts]
    )
    model = make_model(tokenizer, size=size, seed=seed)
    stream = token_stream(tokenizer, num_tokens=num_tokens, seed=seed)
    losses = train(model, stream, batch=32, learning_rate=3e-3, seed=seed)
    out.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    record = {
        "size": size,
        "num_parameters": sum(p.numel() for p in model.parameters()),
        "vocabulary": len(tokenizer),
        "num_tokens": num_tokens,
        "num_steps": len(losses),
        "seed": seed,
        "final_loss": round(float(np.mean(losses[-50:])), 4),
        "seconds": round(time.monotonic() - started),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }
    (out / "how_it_was_made.json").write_text(json.dumps(record, indent=2) + "\n")
    return record


def main() -> None:
    """Build a base from the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for model and tokenizer")
    parser.add_argument("--size", choices=sorted(SIZES), default="base")
    parser.add_argument("--tokens", type=int, default=4_500_000, help="length of the pretraining text")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    record = build(arguments.out, size=arguments.size, num_tokens=arguments.tokens, seed=arguments.seed)
    print(json.dumps(record, indent=2))  # noqa: T201 - a command's result


if __name__ == "__main__":
    main()
