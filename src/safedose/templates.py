"""How a conversation is put to a model: the tokenizer's chat template or a named text template.

A template is rendered once per order of speakers, with marks where contents belong. Contents are then put in
their places; where one could end a turn, open one or stop generation, it is encoded apart from the frame with
control tokens split into plain text. Tuning and generation both come here: a model is asked in exactly the
form it was trained in.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, final

from safedose.errors import InputError, nearest
from safedose.records import Speaker, Turn


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
    """

    pieces: tuple[tuple[int, ...], ...]
    texts: tuple[str, ...]
    after: tuple[int, ...]
    stop: tuple[int, ...]
    control: frozenset[int]
    words: tuple[str, ...]
    markers: tuple[str, ...]


@final
class Encoder:
    """Turns conversations into token ids for one tokenizer and template; keeps a frame per order of speakers."""

    def __init__(self, tokenizer: Any, template: str) -> None:
        """Prepare a template for a tokenizer; see `make_frame` for what can be wrong with them."""
        self._tokenizer = tokenizer
        self._template = template
        self._frames: dict[tuple[Speaker, ...], Frame | None] = {("user",): make_frame(tokenizer, template)}

    @property
    def frame(self) -> Frame:
        """The frame of a single request."""
        return self._frames["user",] or make_frame(self._tokenizer, self._template)

    def prompt(self, text: str, before: Sequence[Turn] = ()) -> list[int]:
        """Encode a prompt, and what was said before it, up to the point where the answer begins."""
        frame, turns = self.place(text, before)
        return encode_prompt(self._tokenizer, frame, *(turn.text for turn in turns))

    def row(self, text: str, answer: str, before: Sequence[Turn] = ()) -> tuple[list[int], list[bool]]:
        """Encode a conversation to its end.

        Returns:
            Token ids, and for each whether the model is to learn it: answers, earlier ones too, with what ends them.
        """
        frame, turns = self.place(text, before)
        said = encode_answer(self._tokenizer, frame, answer)
        if not any(turn.speaker == "assistant" for turn in turns):
            asked = encode_prompt(self._tokenizer, frame, *(turn.text for turn in turns))
            return [*asked, *said], [False] * len(asked) + [True] * len(said)
        ids, learnt = list(frame.pieces[0]), [False] * len(frame.pieces[0])
        for turn, piece in zip(turns, frame.pieces[1:], strict=True):
            content = encode_content(self._tokenizer, frame, turn.text)
            end = next((place + 1 for place, token in enumerate(piece) if token in frame.stop), 0)
            mine = turn.speaker == "assistant"
            ids += [*content, *piece]
            learnt += [mine] * (len(content) + end) + [False] * (len(piece) - end)
        return [*ids, *said], learnt + [True] * len(said)

    def place(self, text: str, before: Sequence[Turn] = ()) -> tuple[Frame, list[Turn]]:
        """Give the frame of a conversation with its turns; a system turn joins the first request where it must."""
        turns = [*before, Turn(speaker="user", text=text)]
        frame = self._frame_of(turns)
        if frame is None:
            first = Turn(speaker="user", text=f"{turns[0].text}\n\n{turns[1].text}")
            turns = [first, *turns[2:]]
            frame = self._frame_of(turns)
        return frame or self.frame, turns

    def _frame_of(self, turns: Sequence[Turn]) -> Frame | None:
        """Look a frame up, or make it; None where the chat template has no place for a system turn."""
        speakers = tuple(turn.speaker for turn in turns)
        if speakers not in self._frames:
            try:
                self._frames[speakers] = make_frame(self._tokenizer, self._template, speakers)
            except InputError:
                if speakers[0] != "system":
                    raise
                self._frames[speakers] = None
        return self._frames[speakers]


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
    except Exception as error:  # a chat template is a program of somebody else's
        raise _unfit("fails", f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}") from error
    texts = re.split("|".join(map(re.escape, marks[:-1])), asked)
    if re.findall(f"{_OPEN}\\d+{_CLOSE}", asked) != marks[:-1] or told.count(marks[-1]) != 1:
        cause = f"it has no place for the turns {', '.join(speakers)}, or is made for something else"
        raise _unfit("does not say every turn exactly once", cause)
    control, words = _control(tokenizer, source)
    after = told.split(marks[-1])[1].rstrip()
    after_ids = tuple(tokenizer(after, add_special_tokens=False)["input_ids"]) or (tokenizer.eos_token_id,)
    # some templates put a space in front of the token that ends a turn: only control tokens stop an answer
    ends = [token for token in after_ids if token in control]
    return Frame(
        pieces=tuple(tuple(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts),
        texts=tuple(texts),
        after=after_ids,
        stop=tuple(sorted({*ends[:1], tokenizer.eos_token_id})),
        control=control,
        words=words,
        markers=(),
    )


def _unfit(problem: str, cause: str) -> InputError:
    return InputError(
        f"the chat template {problem}", where="tune.template: chat", cause=cause,
        fix=f"mend it, or set tune.template to one of: {', '.join(sorted(TEXT_TEMPLATES))}",
    )  # fmt: skip


def encode_prompt(tokenizer: Any, frame: Frame, *contents: str) -> list[int]:
    """Encode the contents of a conversation up to the point where the answer begins.

    A request, with or without a system turn, is read in one piece, as by the tokenizer's own template. Piece by piece
    is read what would say a control token then, and what holds earlier answers, of which the loss must know the ends.
    """
    if len(contents) < 3:
        broken = [_break_markers(frame, content) for content in contents]
        whole = "".join(itertools.chain(*zip(frame.texts, [*broken, ""], strict=True)))
        ids = list(tokenizer(whole, add_special_tokens=False)["input_ids"])
        if [i for i in ids if i in frame.control] == [i for i in itertools.chain(*frame.pieces) if i in frame.control]:
            return ids
    parts = [encode_content(tokenizer, frame, content) for content in contents]
    return [*frame.pieces[0], *itertools.chain(*itertools.chain(*zip(parts, frame.pieces[1:], strict=True)))]


def encode_answer(tokenizer: Any, frame: Frame, answer: str) -> list[int]:
    """Encode an answer and the tokens that end it."""
    return [*encode_content(tokenizer, frame, answer), *frame.after]


def encode_content(tokenizer: Any, frame: Frame, text: str) -> list[int]:
    """Encode text that people or models wrote; never yields a control token.

    Structural strings of a text template are broken up ("### Response:" becomes "# ## Response:"); tokens that
    were added to the vocabulary for the template's sake are cut in two.

    Raises:
        InputError: When the tokenizer turns plain text into a control token all the same.
    """
    text = _break_markers(frame, text)
    cuts = [found.start() + 1 for found in re.finditer(f"(?={'|'.join(map(re.escape, frame.words))})", text)]
    places = [0, *(cuts if frame.words else ()), len(text)]
    parts = [text[start:end] for start, end in itertools.pairwise(places)]
    ids = [
        i for part in parts for i in tokenizer(part, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    ]
    if forbidden := set(ids) & frame.control:
        raise InputError(
            f"content would become control tokens {sorted(forbidden)}", where=repr(text[:60]),
            cause="this tokenizer does not split control tokens out of plain text",
            fix="use a fast tokenizer (tokenizer.json) for this base",
        )  # fmt: skip
    return ids


def _break_markers(frame: Frame, text: str) -> str:
    for marker in frame.markers:
        text = text.replace(marker, marker.replace("###", "# ##", 1))
    return text


def _control(tokenizer: Any, template: str) -> tuple[frozenset[int], tuple[str, ...]]:
    """Collect the ids no text may become, and the words of those that are not special to the tokenizer.

    Special tokens, and those added to the vocabulary that the chat template is written with; not the spaces,
    line breaks and tags that some vocabularies (Gemma, Phi) add for other reasons.
    """
    added = tokenizer.get_added_vocab()
    special = {*tokenizer.all_special_ids, *(i for i, token in tokenizer.added_tokens_decoder.items() if token.special)}
    words = tuple(w for w, i in added.items() if i not in special and len(w.strip()) > 1 and w in template)
    return frozenset({*special, *(added[word] for word in words)}), words
