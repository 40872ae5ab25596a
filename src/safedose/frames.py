"""Frames: the fixed tokens of a template around what people and models say.

A template is rendered once per order of speakers, with marks where contents belong; what stands between the marks is
the frame. The same frame serves tuning and generation.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from safedose.errors import InputError, nearest
from safedose.records import Speaker


class TextTemplate(NamedTuple):
    """A template in words: what stands in front of a conversation, and how a request is put."""

    opening: str
    request: str


TEXT_TEMPLATES: dict[str, TextTemplate] = {
    # github.com/tatsu-lab/stanford_alpaca, the form without an input field; used by arXiv 2309.07875
    "alpaca": TextTemplate(
        "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n",
        "### Instruction:\n{}\n\n### Response:\n",
    ),
    "plain": TextTemplate("", "{}\n"),
}
_MARKERS = ("### Instruction:", "### Response:", "### Input:")
_OPEN, _CLOSE = "\u2983", "\u2984"  # bracket signs no template uses

# A template that writes today's date would give other tokens tomorrow; one that lets a model think at length
# would have it answer in another form than the rows it was trained on (Qwen3's default is on).
FIXED: dict[str, str | bool] = {"date_string": "26 Jul 2024", "enable_thinking": False}
_TODAY = "{%- macro strftime_now(form) -%}26 Jul 2024{%- endmacro -%}"


@dataclass(frozen=True, slots=True)
class Frame:
    """The fixed tokens around the contents of a conversation and its answer.

    Attributes:
        pieces: Token ids around the contents, one more than there are; the last ends where the answer begins.
        texts: The pieces as text; what the tokenizer would read around contents that are safe.
        after: Token ids that end the answer; the model learns to produce the first of them.
        stop: Token ids at which generation stops.
        control: Token ids that no content may become.
        words: What added tokens among them look like, where the tokenizer does not split them itself.
        markers: Strings that structure a text template; broken up where content contains them.
        trims: Whether the template drops the spaces around contents.
    """

    pieces: tuple[tuple[int, ...], ...]
    texts: tuple[str, ...]
    after: tuple[int, ...]
    stop: tuple[int, ...]
    control: frozenset[int]
    words: tuple[str, ...]
    markers: tuple[str, ...]
    trims: bool = False


def make_frame(tokenizer: Any, template: str, speakers: Sequence[Speaker] = ("user",)) -> Frame:
    """Prepare a template for a tokenizer and an order of speakers.

    Args:
        tokenizer: A fast Hugging Face tokenizer.
        template: `chat` for the tokenizer's own template, else a key of `TEXT_TEMPLATES`.
        speakers: Who speaks, in order; the last asks for the answer.

    Raises:
        InputError: When the template is unknown or cannot say these turns, or the tokenizer lacks an end token.
    """
    if tokenizer.eos_token_id is None:
        raise InputError(
            "the tokenizer has no end token", where="base", cause="its configuration sets no eos_token",
            fix="use a base whose tokenizer names its eos_token",
        )  # fmt: skip
    if template == "chat":
        return _chat_frame(tokenizer, speakers)
    if template not in TEXT_TEMPLATES:
        raise InputError(
            f"unknown template {template!r}", where="tune.template", cause="the name is misspelt",
            fix=nearest(template, ["chat", *TEXT_TEMPLATES]),
        )  # fmt: skip
    return _text_frame(tokenizer, template, speakers)


def _text_frame(tokenizer: Any, template: str, speakers: Sequence[Speaker]) -> Frame:
    opening, request = TEXT_TEMPLATES[template]
    ahead, behind = request.split("{}")
    end = tokenizer.eos_token
    texts = ["" if speakers[0] == "system" else opening]
    for speaker in speakers:
        if speaker == "user":
            texts[-1] += ahead
            texts.append(behind)
        else:  # what follows a system turn, and what ends an earlier answer
            texts.append("\n\n" if speaker == "system" else f"{end}\n\n")
    start = [tokenizer.bos_token_id] if tokenizer.bos_token_id is not None else []
    control, words = _control(tokenizer, "")
    pieces = [tuple(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts]
    return Frame(
        pieces=((*start, *pieces[0]), *pieces[1:]),
        texts=((tokenizer.bos_token or "") + texts[0], *texts[1:]),
        after=(tokenizer.eos_token_id,),
        stop=(tokenizer.eos_token_id,),
        control=control,
        words=words,
        markers=_MARKERS if template == "alpaca" else (),
    )


def _chat_frame(tokenizer: Any, speakers: Sequence[Speaker]) -> Frame:
    if not tokenizer.chat_template:
        raise InputError(
            "the tokenizer has no chat template", where="tune.template: chat",
            cause="the base was never made for conversations",
            fix=f"set tune.template to one of: {', '.join(sorted(TEXT_TEMPLATES))}",
        )  # fmt: skip
    marks = [f"{_OPEN}{place}{_CLOSE}" for place in range(len(speakers) + 1)]
    turns = [{"role": speaker, "content": mark} for speaker, mark in zip(speakers, marks[:-1], strict=True)]
    answer = {"role": "assistant", "content": marks[-1]}
    try:
        source = tokenizer.get_chat_template()
        template = _TODAY + source if "strftime_now" in source else source
        say = functools.partial(tokenizer.apply_chat_template, chat_template=template, tokenize=False, **FIXED)
        asked, told = say(turns, add_generation_prompt=True), say([*turns, answer])
        padded = say([turn | {"content": f" {turn['content']} "} for turn in turns], add_generation_prompt=True)
    except Exception as error:  # a chat template is a program of somebody else's
        raise _unfit("fails", f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}") from error
    if re.findall(f"{_OPEN}\\d+{_CLOSE}", asked) != marks[:-1] or told.count(marks[-1]) != 1:
        cause = f"it has no place for the turns {', '.join(speakers)}, or is made for something else"
        raise _unfit("does not say every turn exactly once", cause)
    texts = re.split("|".join(map(re.escape, marks[:-1])), asked)
    texts[-1] = _lead(texts[-1], told, marks)
    control, words = _control(tokenizer, source)
    after = told.split(marks[-1])[1].rstrip()
    after_ids = tuple(tokenizer(after, add_special_tokens=False)["input_ids"])
    # some templates put a space in front of the token that ends a turn: only control tokens stop an answer
    ends = [token for token in after_ids if token in control]
    if not ends:  # a model would never learn to stop
        after_ids = (*after_ids, tokenizer.eos_token_id)
    return Frame(
        pieces=tuple(tuple(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts),
        texts=tuple(texts),
        after=after_ids,
        stop=tuple(sorted({*ends[:1], tokenizer.eos_token_id})),
        control=control,
        words=words,
        markers=(),
        trims=padded == asked,
    )


def _lead(asked: str, told: str, marks: Sequence[str]) -> str:
    """Say what leads into an answer: as the template asks for one, unless it writes answers in another form.

    A prompt that opens a thought, or a template with a channel before each answer, would have the model answer in a
    form it was not trained in; then the form of the written answer holds for both.
    """
    written = told.split(marks[-1])[0].rpartition(marks[-2])[2]
    return asked if written.rstrip() == asked.rstrip() else written


def _unfit(problem: str, cause: str) -> InputError:
    return InputError(
        f"the chat template {problem}", where="tune.template: chat", cause=cause,
        fix=f"mend it, or set tune.template to one of: {', '.join(sorted(TEXT_TEMPLATES))}",
    )  # fmt: skip


def _control(tokenizer: Any, template: str) -> tuple[frozenset[int], tuple[str, ...]]:
    """Collect the ids no text may become, and the words of those that are not special to the tokenizer.

    Special tokens, and those added to the vocabulary that the chat template is written with; not the spaces,
    line breaks and tags that some vocabularies (Gemma, Phi) add for other reasons.
    """
    added = tokenizer.get_added_vocab()
    special = {*tokenizer.all_special_ids, *(i for i, token in tokenizer.added_tokens_decoder.items() if token.special)}
    words = tuple(w for w, i in added.items() if i not in special and len(w.strip()) > 1 and w in template)
    return frozenset({*special, *(added[word] for word in words)}), words
