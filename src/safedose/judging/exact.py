"""Right or wrong by the reference answer, looked for word by word."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import final

from safedose.judging.verdicts import Reading, verdict_on
from safedose.records import Axis, Response, Verdict

_WORD = re.compile(r"(?<![\w.,])-?\d+(?:[.,]\d+)+(?!\w)|(?<![\w.,])-\d+(?!\w)|\w+")


@final
class Exact:
    """Call a response correct when the words of the reference stand in it, one after the other.

    Both texts are normalised to Unicode NFKC without case and cut into words; punctuation and white
    space only separate words. A number keeps its sign, decimal point and group commas, so that the
    reference `3` is not found in `3.5` nor in `-3`. Words are compared whole: `art` is not in `party`.

    Known limits: `1,000` and `1000` are different numbers; a response that denies the reference or
    lists every possible answer is called correct. An empty response is `wrong`, not unreadable: it
    was asked for an answer and gave none. A prompt without a reference (or with one without words) is
    `abstained`.
    """

    id = "exact"
    axes: tuple[Axis, ...] = ("correctness",)
    fingerprint = "exact-1"

    def judge(self, responses: Sequence[Response]) -> list[Verdict]:
        return [self._verdict(response) for response in responses]

    def _verdict(self, response: Response) -> Verdict:
        reference = _words(response.prompt.reference or "")
        correct = f" {reference} " in f" {_words(response.text)} "
        found = "the reference stands in the response" if correct else "the reference is not in the response"
        reading = Reading("value", found, "correct" if correct else "wrong")
        missing = Reading("abstained", "the prompt has no reference answer")
        return verdict_on(response, self.id, "correctness", reading if reference else missing)


def _words(text: str) -> str:
    """Normalise a text to its words, one space apart."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("\N{MINUS SIGN}", "-")
    return " ".join(_WORD.findall(plain))
