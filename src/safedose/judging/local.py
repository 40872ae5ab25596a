"""A model on this machine that is asked for verdicts, one question at a time: neighbours cannot change an answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple, final

from safedose.bases import Base, load_model, load_tokenizer
from safedose.errors import InputError
from safedose.frames import FIXED
from safedose.judging.speakers import Answer, Likely, Question
from safedose.records import Turn
from safedose.remote.asking import Asker
from safedose.store import digest
from safedose.templates import Encoder
from safedose.thinking import opens_thinking, split_thinking

_NUM_LIKELY = 20
_HOLE = "\N{OBJECT REPLACEMENT CHARACTER}hole {}\N{OBJECT REPLACEMENT CHARACTER}"
"""Stands for a content while the model's own chat template is filled in."""


class _Asked(NamedTuple):
    """A question as a model takes it: its tokens, those that end an answer, and whether a thought is open."""

    ids: list[int]
    stop: frozenset[int]
    opened: bool = False


@final
class LocalSpeaker:
    """A model in memory, loaded when it is first asked; greedy, without padding.

    Args:
        find: Gives all of it; called when it is first needed, since weights may have to be fetched.
        precision: In what it is computed; see `bases.load_model`.
    """

    server = None

    def __init__(self, find: Callable[[], Base], precision: str) -> None:
        self._find, self._precision = find, precision
        self._loaded: tuple[Any, Any, frozenset[int]] | None = None
        self._encoder: Encoder | None = None

    @cached_property
    def fingerprint(self) -> str:
        """Changes with the model; telling it takes its weights."""
        return digest([self._find().fingerprint, self._precision])

    def connect(self, remote: Asker) -> None:  # noqa: ARG002
        raise AssertionError("a model on this machine asks no server")

    def ask(self, questions: Sequence[Question]) -> list[Answer]:
        return [self._answer(question) for question in questions]

    def _load(self) -> tuple[Any, Any, frozenset[int]]:
        """Give tokenizer and model, and the tokens at which the model says that an answer ends."""
        if self._loaded is None:
            base = self._find()
            tokenizer = load_tokenizer(base)
            model = load_model(base, self._precision)
            ends = model.generation_config.eos_token_id
            stop = {tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])} - {None}
            model.generation_config = type(model.generation_config)()  # what a model suggests for decoding
            self._loaded = tokenizer, model, frozenset(stop)
        return self._loaded

    def _answer(self, question: Question) -> Answer:
        import torch
        from transformers import GenerationConfig

        tokenizer, model, _ = self._load()
        asked = self._encode(question)
        longest = getattr(model.config, "max_position_embeddings", None)
        if longest is not None and len(asked.ids) + question.max_tokens > longest:
            return Answer(kind="failed", problem=f"{len(asked.ids)} tokens, of at most {longest - question.max_tokens}")
        decoding = GenerationConfig(
            max_new_tokens=question.max_tokens, do_sample=False, eos_token_id=sorted(asked.stop),
            pad_token_id=tokenizer.pad_token_id, output_logits=question.likely, return_dict_in_generate=True,
        )  # fmt: skip
        row = torch.tensor([asked.ids], device=model.device)
        with torch.inference_mode():
            made = model.generate(input_ids=row, attention_mask=torch.ones_like(row), generation_config=decoding)
        tokens = made.sequences[0, len(asked.ids) :].tolist()
        end = next((place for place, token in enumerate(tokens) if token in asked.stop), None)
        text = tokenizer.decode(tokens[:end], skip_special_tokens=True)
        return Answer(
            kind="said", text=split_thinking(text, opened=asked.opened)[1].strip(), whole=end is not None,
            likely=_likely(tokenizer, tokens[:end], made.logits) if question.likely else (),
        )  # fmt: skip

    def _encode(self, question: Question) -> _Asked:
        """Encode a question, what it holds of other people's text as plain text."""
        tokenizer, _, stop = self._load()
        if question.turns and question.turns[-1].speaker == "user" and not question.values:
            self._encoder = self._encoder or Encoder(tokenizer, "chat")
            encoder, (*before, last) = self._encoder, question.turns
            frame, _ = encoder.place(last.text, before)
            return _Asked(
                encoder.prompt(last.text, before), frozenset(encoder.frame.stop), opens_thinking(frame.texts[-1])
            )
        if question.turns:
            pieces: Sequence[str] = _filled_in(tokenizer, question.turns, question.values)
            return _Asked(_in_pieces(tokenizer, pieces), stop, opens_thinking(pieces[-1]))
        ids, start = _in_pieces(tokenizer, question.pieces), tokenizer.bos_token_id
        return _Asked(ids if start is None or ids[:1] == [start] else [start, *ids], stop)


def _in_pieces(tokenizer: Any, pieces: Sequence[str]) -> list[int]:
    """Encode a template's text and other people's, by turns: in one piece, unless theirs would say control tokens."""
    parts = [
        tokenizer(piece, add_special_tokens=False, split_special_tokens=number % 2 == 1)["input_ids"]
        for number, piece in enumerate(pieces)
    ]
    framing = {token for part in parts[::2] for token in part}
    # some vocabularies add spaces and line breaks, which are no control tokens
    control = {
        token for token, added in tokenizer.added_tokens_decoder.items()
        if added.special or (token in framing and len(added.content.strip()) > 1)
    }  # fmt: skip
    whole: list[int] = tokenizer("".join(pieces), add_special_tokens=False)["input_ids"]
    meant = [token for part in parts[::2] for token in part if token in control]
    return whole if [token for token in whole if token in control] == meant else [i for part in parts for i in part]


def _filled_in(tokenizer: Any, turns: Sequence[Turn], values: Mapping[str, Any]) -> list[str]:
    """Fill in a model's own chat template; gives its texts and the turns' by turns, beginning with the template.

    Raises:
        InputError: When it has no place for these turns, one for each and in their order.
    """
    holes = [_HOLE.format(number) for number in range(len(turns))]
    # templates that also see images take the parts of a turn, those that do not its text
    for as_taken in (lambda text: text, lambda text: [{"type": "text", "text": text}]):
        said = [{"role": turn.speaker, "content": as_taken(hole)} for turn, hole in zip(turns, holes, strict=True)]
        try:
            whole = tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True, **FIXED, **values)
        except Exception:  # noqa: S112 - a chat template is a program of somebody else's
            continue
        frames = re.split("|".join(map(re.escape, holes)), whole)
        if re.findall("|".join(map(re.escape, holes)), whole) == holes:
            texts = [turn.text for turn in turns]
            return [*(part for both in zip(frames[:-1], texts, strict=True) for part in both), frames[-1]]
    raise InputError(
        f"the chat template has no place for the turns {', '.join(turn.speaker for turn in turns)}",
        where="the model of a judge", cause="it is not the model that this judge is made for, or has lost its template",
        fix="name the model in judges[].model, or the folder of a copy with its own tokenizer and chat template",
    )  # fmt: skip


def _likely(tokenizer: Any, said: Sequence[int], logits: Sequence[Any]) -> Likely:
    """List for each token said how likely it was, and what else was likely in its place."""
    places = []
    for token, row in zip(said, logits, strict=False):
        values = row[0].float().log_softmax(-1)
        top = values.topk(min(_NUM_LIKELY, values.shape[-1]))
        others = zip(top.indices.tolist(), top.values.tolist(), strict=True)
        found = [(token, float(values[token])), *((other, value) for other, value in others if other != token)]
        places.append(tuple((str(tokenizer.decode([one])), value) for one, value in found))
    return tuple(places)
