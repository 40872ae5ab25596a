"""How a conversation is put to a model: the tokenizer's chat template or a named text template.

Contents are put in their places in a frame (`frames`); where one could end a turn, open one or stop generation, it is
encoded apart from the frame with control tokens split into plain text. Tuning and generation both come here: a
model is asked in exactly the form it was trained in.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any, final

from safedose.errors import InputError
from safedose.frames import Frame, make_frame
from safedose.records import Speaker, Turn


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
        asked = _located(self._tokenizer, frame, [turn.text for turn in turns])
        answers = {number for number, turn in enumerate(turns) if turn.speaker == "assistant"}
        return [*(token for token, _ in asked), *said], [place in answers for _, place in asked] + [True] * len(said)

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


def encode_prompt(tokenizer: Any, frame: Frame, *contents: str) -> list[int]:
    """Encode the contents of a conversation up to the point where the answer begins.

    All is read in one piece, as by the tokenizer's own template, unless a content would then say a control token; such
    a conversation is read piece by piece.
    """
    return [token for token, _ in _located(tokenizer, frame, contents)]


def _located(tokenizer: Any, frame: Frame, contents: Sequence[str]) -> list[tuple[int, int | None]]:
    """Encode contents in their frame; with each token the number of the content it is of or ends, None for others."""
    tidy = [_tidy(frame, content) for content in contents]
    whole, spans = frame.texts[0], []
    for content, text in zip(tidy, frame.texts[1:], strict=True):
        spans.append((len(whole), len(whole) + len(content) + _end_of(tokenizer, frame, text)))
        whole += content + text
    read = tokenizer(whole, add_special_tokens=False, return_offsets_mapping=True)
    if [i for i in read["input_ids"] if i in frame.control] == [
        i for i in itertools.chain(*frame.pieces) if i in frame.control
    ]:
        places = [next((n for n, (a, b) in enumerate(spans) if start < b and end > a), None)
                  for start, end in read["offset_mapping"]]  # fmt: skip
        return list(zip(read["input_ids"], places, strict=True))
    found: list[tuple[int, int | None]] = [(token, None) for token in frame.pieces[0]]
    for number, (content, piece) in enumerate(zip(tidy, frame.pieces[1:], strict=True)):
        end = next((place + 1 for place, token in enumerate(piece) if token in frame.stop), 0)
        found += [(token, number) for token in (*encode_content(tokenizer, frame, content), *piece[:end])]
        found += [(token, None) for token in piece[end:]]
    return found


def _end_of(tokenizer: Any, frame: Frame, text: str) -> int:
    """Say how many characters of a piece end the turn before it: up to the first token at which generation stops."""
    words = tokenizer.convert_ids_to_tokens(list(frame.stop))
    return min((text.index(word) + len(word) for word in words if word in text), default=0)


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
    text = _tidy(frame, text)
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


def _tidy(frame: Frame, text: str) -> str:
    """Give a content as the template would take it, with the markers of a text template broken up."""
    for marker in frame.markers:
        text = text.replace(marker, marker.replace("###", "# ##", 1))
    return text.strip() if frame.trims else text
