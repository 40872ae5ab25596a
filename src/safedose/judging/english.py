"""Whether a text is English, as far as its commonest words tell; for a judge that reads nothing else."""

from __future__ import annotations

import re
import unicodedata

from safedose.judging.moves import without_code, word_lists, words

_NO_PROSE = re.compile(r"[{}=|<>;_]|^\s*(?:\d+[.)]|[-*\u2022+#])", re.MULTILINE)
_BEYOND = re.compile("[^\x00-\u024f]")  # below are Latin letters alone
_MAX_CHARS = 1000
_FOREIGN_LETTERS = 0.3  # share of letters that are not Latin
_FULL_LINE, _FEW_ENGLISH = 6, 0.08  # a line of so many words holds common ones: a tenth at the very least in English


def is_english(text: str) -> bool:
    """Say whether a text may be English: its letters are Latin, and its commonest words are not another language's.

    Only the first 1,000 characters count, without fenced code. Common words are expected where there are whole lines
    of prose; short lines, list items, tables and code outside of fences may be English as long as no other language's
    words outnumber the English ones.
    """
    plain = without_code(text[:_MAX_CHARS], " ")
    beyond = sum(letter.isalpha() and not _latin(letter) for letter in _BEYOND.findall(plain))
    if beyond > _FOREIGN_LETTERS * sum(map(str.isalpha, plain)):
        return False
    english, elsewhere = word_lists()["english"], word_lists()["elsewhere"]
    lines = [(words(line), _NO_PROSE.search(line) is None) for line in plain.splitlines()]
    said = [word for line, _ in lines for word in line]
    if sum(map(elsewhere.__contains__, said)) > sum(map(english.__contains__, said)):
        return False
    prose = [word for line, is_prose in lines if is_prose and len(line) >= _FULL_LINE for word in line]
    return sum(map(english.__contains__, prose)) >= _FEW_ENGLISH * len(prose)


def _latin(letter: str) -> bool:
    return unicodedata.name(letter, "").startswith("LATIN")
