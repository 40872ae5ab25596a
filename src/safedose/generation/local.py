"""Generation on this machine: one loaded base, adapters streamed over it, batches under a token budget.

Prompts are sorted by length and batched, so that padding is small and memory bounded. The bytes of an
answer can depend on the composition of its batch, so each response records its planned batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

from safedose.bases import Base, load_model, load_tokenizer
from safedose.interfaces import Advance
from safedose.records import Finish, Prompt, Response
from safedose.seeding import derive
from safedose.study import Generate
from safedose.templates import encode_prompt, make_frame


def plan_batches(lengths: Sequence[int], *, max_new_tokens: int, batch_tokens: int) -> list[list[int]]:
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
    return batches


@final
class LocalGenerator:
    """Answers prompts with a base and, one after another, its adapters; holds the loaded base."""

    def __init__(self, base: Base, settings: Generate, *, template: str, seed: int) -> None:
        self._settings = settings
        self._seed = seed
        self._tokenizer = load_tokenizer(base)
        self._frame = make_frame(self._tokenizer, template)
        self._model = load_model(base)
        # what a base suggests for decoding (penalties, top_k) would be merged into ours unseen
        self._model.generation_config = type(self._model.generation_config)()
        self._adapter: Path | None = None
        self._encoded: dict[str, list[int]] = {}

    def generate(
        self, prompts: Sequence[Prompt], *, arm: str, adapter: Path | None, advance: Advance
    ) -> list[Response]:
        """Answer prompts; see `interfaces.Generator`."""
        self._switch_to(adapter)
        lengths = [len(self._encode(prompt.text)) for prompt in prompts]
        batches = plan_batches(
            lengths,
            max_new_tokens=self._settings.max_new_tokens,
            batch_tokens=max(1, self._settings.batch_tokens // max(self._settings.samples, self._settings.num_beams)),
        )
        answers: dict[tuple[int, int], Response] = {}
        for number, batch in enumerate(batches):
            asked = [prompts[i] for i in batch]
            seed = derive(self._seed, "generate", arm, asked[0].suite, number)
            for k, (text, finish, num_tokens) in enumerate(self._answer(asked, seed=seed)):
                position, sample = divmod(k, self._settings.samples)
                answers[(batch[position], sample)] = Response(
                    arm=arm, prompt=asked[position], sample=sample, text=text, finish=finish,
                    num_tokens=num_tokens, batch=number,
                )  # fmt: skip
            advance(len(batch), "")
        return [answers[key] for key in sorted(answers)]

    def _switch_to(self, adapter: Path | None) -> None:
        from peft import PeftModel

        if adapter == self._adapter:
            return
        if self._adapter is not None:
            self._model = self._model.unload()
        if adapter is not None:
            self._model = PeftModel.from_pretrained(self._model, adapter).eval()
        self._adapter = adapter

    def _encode(self, text: str) -> list[int]:
        if text not in self._encoded:
            self._encoded[text] = encode_prompt(self._tokenizer, self._frame, text)
        return self._encoded[text]

    def _answer(self, prompts: Sequence[Prompt], *, seed: int) -> list[tuple[str, Finish, int]]:
        import torch

        rows = [self._encode(prompt.text) for prompt in prompts]
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
            eos_token_id=list(self._frame.stop),
            pad_token_id=self._tokenizer.pad_token_id,
            **(sampling if settings.temperature else {}),
        )

    def _read(self, tokens: list[int]) -> tuple[str, Finish, int]:
        end = next((i for i, token in enumerate(tokens) if token in self._frame.stop), None)
        text = self._tokenizer.decode(tokens[:end], skip_special_tokens=True).strip()
        return (text, "length", len(tokens)) if end is None else (text, "stop", end + 1)
