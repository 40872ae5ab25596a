"""Safety-like rows that hide in instruction data: with them, a dose of zero is none.

Three signs, from narrow to wide; none of them is proof, and a row may show several:

    refuses    the answer is a refusal by somebody's rule
    asked      a user asks in it what a safety row asks, word for word or nearly so
    worded     the answer uses the words of safety answers: a wide net, which also holds plain texts on such topics
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from safedose.data.overlap import find_matches
from safedose.records import Example, Prompt

_WORDS = (
    r"an? ai", r"language model", r"my (?:programming|guidelines|purpose)",
    r"i(?: am|'m)? (?:cannot|can't|won't|sorry|(?:not |un)able to)", r"i apologi[sz]e",
    r"cannot (?:provide|support|assist|help)", r"not (?:provide|appropriate|acceptable|suitable|ethical|legal|okay)",
    r"it(?:'s| is) important (?:to|for)", r"please (?:note|refrain)", r"keep in mind", r"worth noting",
    r"(?:un)?ethic\w*", r"immoral\w*", r"morally", r"illegal\w*", r"unlawful\w*", r"legality", r"regulations?",
    r"compl(?:y|ying)", r"harmful\w*", r"cause harm", r"hurtful\w*", r"offensive\w*", r"inappropriate\w*",
    r"unacceptable", r"derogatory", r"hate(?:ful| speech)", r"violent", r"extremis\w+", r"supremacis\w+",
    r"discriminat\w+", r"racis\w+", r"racial", r"sexis\w+", r"bias\w*", r"stereotyp\w+", r"respectful\w*",
    r"diversity", r"inclusivity", r"controversial", r"transgender", r"feminis\w+", r"empower\w*",
)  # fmt: skip
_WORDED = re.compile(rf"\b(?:{'|'.join(_WORDS)})\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """The safety-like rows of one source of instruction data.

    Attributes:
        source: The source, as in `Example`.
        num_rows: All of its rows.
        refuses, asked, worded: Positions of the rows that show each sign, in order, from 0.
    """

    source: str
    num_rows: int
    refuses: tuple[int, ...]
    asked: tuple[int, ...]
    worded: tuple[int, ...]


def find_hidden(
    instruction: Sequence[Example], safety: Sequence[Example], *, refuses: Callable[[str], bool]
) -> tuple[Hidden, ...]:
    """Find the rows of instruction data that look like safety rows.

    Args:
        instruction: The instruction rows of a study.
        safety: Its safety rows.
        refuses: Says whether an answer is a refusal.

    Returns:
        The rows found per source, sources in the order of their first row, those without such rows included.
    """
    requests = [Prompt(id="", suite="", text=e.prompt, before=e.before, expected="refuse") for e in safety]
    matches = find_matches([("instruction", e) for e in instruction], requests, answers=False)
    asked = {(match.source, match.row) for match in matches}
    found: list[Hidden] = []
    for source in dict.fromkeys(example.source for example in instruction):
        rows = [example for example in instruction if example.source == source]
        found.append(
            Hidden(
                source=source,
                num_rows=len(rows),
                refuses=tuple(e.row for e in rows if refuses(e.response)),
                asked=tuple(e.row for e in rows if (source, e.row) in asked),
                worded=tuple(e.row for e in rows if uses_words_of_safety(e.response)),
            )
        )
    return tuple(found)


def uses_words_of_safety(answer: str) -> bool:
    """Say whether an answer uses words that safety answers use, such as "unethical" or "as an AI".

    The list is our own, after the keyword filter of Qi et al. (2023), "Fine-tuning Aligned Language Models Compromises
    Safety": docs/overlap.md says how much of what their filter took from Alpaca and Dolly it finds.
    """
    return _WORDED.search(answer.lower().replace("\u2019", "'")) is not None
