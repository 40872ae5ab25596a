"""Generation on this machine: one loaded base, adapters streamed over it, batches under a token budget.

Prompts are sorted by length and batched, so that padding is small and memory bounded. The bytes of an
answer can depend on the composition of its batch, so batches are planned once and sealed, a batch that does not
fit into memory is always halved alike, and each response records both.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

from safedose.bases import Base, load_model, load_tokenizer, quiet_peft
from safedose.errors import RunError
from safedose.probes import PROBES, largest_difference, probe_logits
from safedose.records import Finish, Prompt, Response
from safedose.seeding import derive
from safedose.study import Generate
from safedose.templates import Encoder
from safedose.thinking import opens_thinking, split_thinking


def plan_batches(lengths: Sequence[int], *, max_new_tokens: int, batch_tokens: int) -> tuple[tuple[int, ...], ...]:
    """Group prompts of similar length into batches that fit a token budget.

    Args:
        lengths: Tokens per prompt.
        max_new_tokens: Tokens an answer may take.
        batch_tokens: Budget per batch: rows * (longest prompt + max_new_tokens) stays within it.

    Returns:
        Positions of the prompts per batch, longest first so that memory runs out at once or never; a
        prompt that alone exceeds the budget gets a batch of its own.
    """
    batches: list[list[int]] = []
    room = 0
    for position in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if room == 0:
            batches.append([])
            room = max(1, batch_tokens // (lengths[position] + max_new_tokens))
        batches[-1].append(position)
        room -= 1
    return tuple(map(tuple, batches))


def count_tokens(base: Base, template: str, prompts: Sequence[Prompt]) -> list[int]:
    """Say how many tokens each prompt takes in the template of a base; loads its tokenizer only."""
    encoder = Encoder(load_tokenizer(base), template)
    return [len(encoder.prompt(prompt.text, prompt.before)) for prompt in prompts]


@final
class LocalGenerator:
    """Answers prompts with a base and, one after another, its adapters; holds the loaded base."""

    def __init__(self, base: Base, settings: Generate, *, template: str, seed: int) -> None:
        self._settings = settings
        self._seed = seed
        self._tokenizer = load_tokenizer(base)
        self._encoder = Encoder(self._tokenizer, template)
        self._base = base
        self._model = self._load(base)
        self._adapter: Path | None = None
        self._untouched: list[Any] | None = None
        self._encoded: dict[tuple[object, ...], list[int]] = {}

    def generate(self, prompts: Sequence[Prompt], *, arm: str, adapter: Path | None, batch: int) -> list[Response]:
        """Answer the prompts of one planned batch; see `interfaces.Generator`."""
        if not prompts:
            return []
        self._switch_to(adapter)
        seed = derive(self._seed, "generate", arm, prompts[0].suite, batch)
        said = self._answer_within_memory([self._encode(prompt) for prompt in prompts], seed=seed, split="")
        opened = opens_thinking(self._encoder.frame.texts[-1])
        return [
            Response(
                arm=arm, prompt=prompts[k // self._settings.samples], sample=k % self._settings.samples,
                thinking=(parts := split_thinking(text, opened=opened))[0], text=parts[1], finish=finish,
                num_tokens=num_tokens, batch=batch, split=split,
            )
            for k, (text, finish, num_tokens, split) in enumerate(said)
        ]  # fmt: skip

    def difference(self, adapter: Path) -> float:
        """Show what an adapter does to the base; see `interfaces.Prober`."""
        rows = [self._encoder.prompt(probe) for probe in PROBES]
        if self._untouched is None:
            self._switch_to(None)
            self._untouched = probe_logits(self._model, rows)
        self._switch_to(adapter)
        return largest_difference(self._untouched, probe_logits(self._model, rows))

    def _switch_to(self, adapter: Path | None) -> None:
        from peft import PeftModel

        if adapter == self._adapter:
            return
        if isinstance(self._model, PeftModel) and _comes_off(self._model.peft_config["default"]):
            self._model = self._model.unload()
        elif self._adapter is not None:  # all weights were tuned, or what it was given stays in the base
            self._model = None  # or memory would have to hold two
            self._model = self._load(self._base)
        if adapter is not None and (adapter / "adapter_config.json").exists():
            with quiet_peft():
                self._model = PeftModel.from_pretrained(self._model, adapter).eval()
        elif adapter is not None:
            self._model = self._load(dataclasses.replace(self._base, path=adapter))
        self._adapter = adapter

    def _load(self, base: Base) -> Any:
        precision = self._settings.precision
        model = load_model(base, "auto" if precision == "4bit" else precision, four_bit=precision == "4bit")
        # what a base suggests for decoding (penalties, top_k) would be merged into ours unseen
        model.generation_config = type(model.generation_config)()
        return model

    def _encode(self, prompt: Prompt) -> list[int]:
        key = (prompt.before, prompt.text)
        if key not in self._encoded:
            self._encoded[key] = self._encoder.prompt(prompt.text, prompt.before)
        return self._encoded[key]

    def _answer_within_memory(
        self, rows: list[list[int]], *, seed: int, split: str
    ) -> list[tuple[str, Finish, int, str]]:
        """Answer rows together, or where memory does not suffice each half apart, the first half first.

        What is split where depends on nothing but the rows and the memory; each part has its own seed.
        """
        import torch

        try:
            return [(*answer, split) for answer in self._answer(rows, seed=seed)]
        except torch.OutOfMemoryError as error:
            if len(rows) == 1:
                raise RunError(
                    f"one prompt of {len(rows[0])} tokens does not fit into memory", where="generate",
                    cause=str(error).splitlines()[0],
                    fix="lower generate.max_new_tokens, num_beams or samples, or take a larger machine",
                ) from error  # fmt: skip
        # outside the handler: the error holds the frames, and with them the memory, of the failed attempt
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        middle = (len(rows) + 1) // 2
        halves = zip(("0", "1"), (rows[:middle], rows[middle:]), strict=True)
        return [
            answer
            for name, half in halves
            for answer in self._answer_within_memory(half, seed=derive(seed, name), split=split + name)
        ]

    def _answer(self, rows: list[list[int]], *, seed: int) -> list[tuple[str, Finish, int]]:
        import torch

        width = max(map(len, rows))
        pad = self._tokenizer.pad_token_id
        ids = torch.tensor([[pad] * (width - len(row)) + row for row in rows], device=self._model.device)
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows], device=self._model.device)
        torch.manual_seed(seed)
        with torch.inference_mode():
            generated = self._model.generate(input_ids=ids, attention_mask=mask, generation_config=self._decoding())
        return [self._read(row) for row in generated[:, width:].tolist()]

    def _decoding(self) -> Any:
        from transformers import GenerationConfig

        settings = self._settings
        sampling = {"temperature": settings.temperature, "top_p": settings.top_p, "top_k": 0}
        return GenerationConfig(
            max_new_tokens=settings.max_new_tokens,
            do_sample=settings.temperature > 0,
            num_beams=settings.num_beams,
            num_return_sequences=settings.samples,
            eos_token_id=list(self._encoder.frame.stop),
            pad_token_id=self._tokenizer.pad_token_id,
            **(sampling if settings.temperature else {}),
        )

    def _read(self, tokens: list[int]) -> tuple[str, Finish, int]:
        end = next((i for i, token in enumerate(tokens) if token in self._encoder.frame.stop), None)
        text = self._tokenizer.decode(tokens[:end], skip_special_tokens=True).strip()
        return (text, "length", len(tokens)) if end is None else (text, "stop", end + 1)


def _comes_off(config: Any) -> bool:
    """Say whether PEFT gives the base back as it was: modules saved whole and biases stay in it."""
    return not config.modules_to_save and config.bias == "none"
