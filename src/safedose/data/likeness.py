"""When two texts count as alike: their normal form, the runs of words they share, and near-equal spelling.

Everything here is a pure function of the texts; nothing is sampled but the constants of MinHash, which are fixed.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from safedose.seeding import generator

RUN = 13
"""Words of a shared run, as in appendix C of Brown et al. (2020), "Language Models are Few-Shot Learners"."""

TEMPLATE = 10
"""A run in more prompts and in more rows than this is a template: it says nothing about any one prompt. The same
appendix leaves out runs that stand in more than ten training documents, however few test prompts have them."""

SHINGLE = 5
"""Characters of a shingle."""

NEAR = 0.85
"""Smallest Jaccard similarity, and ratio of lengths, of texts that count as near."""

NUM_BANDS, BAND = 24, 8
"""MinHash values are compared in bands: 24 of 8 propose 99.9 % of the pairs at `NEAR`, and of those at 0.5, where
different requests in one template lie, 9 %."""

_SURE = 0.78
"""Share of equal MinHash values from which a pair is measured: 2.7 standard errors below `NEAR`, so that 0.4 % of the
pairs at `NEAR` are lost, and next to none of those at 0.9."""

_BLOCK, _PAIRS = 1_000_000, 50_000
"""Characters and candidate pairs that are worked on at once: what bounds the memory."""

_APOSTROPHES = frozenset("'`\u00b4\u2018\u2019\u201b\u02bc")
_MEANT = frozenset("%#&@*/\\")  # punctuation to Unicode, but it tells requests apart
_MINUS = re.compile(r"(?<!\S)-(?=\s?\d)")

_KEPT = 2**14
"""Texts whose shingles are kept: of many requests in one template each is measured many times."""

_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")
_Ints = NDArray[np.int64]
_Hashes = NDArray[np.uint64]


class _Signs(dict[int, str | None]):
    """Character to what stands for it in a normal form; looked up once per character."""

    def __missing__(self, code: int) -> str | None:
        sign, kind = chr(code), unicodedata.category(chr(code))
        new: str | None = sign
        if kind == "Cf" or sign in _APOSTROPHES:
            new = None
        elif kind[0] == "Z" or kind in ("Cc", "Cs") or (kind[0] == "P" and sign not in _MEANT):
            new = " "
        self[code] = new
        return new


_SIGNS = _Signs()


def normal(text: str) -> str:
    """Write a text in the form in which case, spacing and punctuation are gone.

    Unicode NFKC and case folding; white space and punctuation become single spaces; apostrophes and invisible
    signs vanish. Signs that carry meaning stay: `C++`, `C#`, `5 %`, `3 * 4`, a minus before a number.

    Returns:
        Words with single spaces between them; empty when there are none.
    """
    folded = unicodedata.normalize("NFKC", _MINUS.sub("\u2212", unicodedata.normalize("NFKC", text)).casefold())
    return " ".join(folded.translate(_SIGNS).split())


def shingles(text: str) -> frozenset[str]:
    """List every five characters in a row of a normal text, its ends marked by spaces; at least one."""
    marked = _marked(text)
    return frozenset(marked[start : start + SHINGLE] for start in range(len(marked) - SHINGLE + 1))


def shared_runs(asked: Sequence[str], said: Sequence[str]) -> Iterator[tuple[int, int, float]]:
    """Find the pairs of normal texts that share a run of 13 words, templates left out.

    A text without spaces between its words, as in Chinese, has no runs.

    Args:
        asked: Prompts, each once.
        said: Texts of training rows, each once.

    Yields:
        Position in `asked`, position in `said`, and the share of the prompt's runs found there, in (0, 1]. Runs are
        compared by 64-bit hashes: among a billion comparisons a false pair has a chance below one in a billion.
    """
    owners, keys = _runs(asked)
    if not keys.size:
        return
    known, place = np.unique(keys, return_inverse=True)
    asking = np.unique(place * len(asked) + owners)  # (run, prompt), each once, by run
    hits = np.unique(np.concatenate([_hits(known, block, first) for first, block in _blocks(said)] or [_no_ints()]))
    per_prompt = np.bincount(asking % len(asked), minlength=len(asked))
    num_prompts = np.bincount(asking // len(asked), minlength=len(known))
    num_texts = np.bincount(hits % len(known), minlength=len(known))
    template = (num_prompts > TEMPLATE) & (num_texts > TEMPLATE)
    hits = hits[~template[hits % len(known)]]
    runs, first = hits % len(known), np.concatenate(([0], np.cumsum(num_prompts)))
    prompts = asking[_ranges(first[runs], num_prompts[runs])] % len(asked)
    pairs = np.repeat(hits // len(known), num_prompts[runs]) * len(asked) + prompts
    pairs, counts = np.unique(pairs, return_counts=True)
    for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True):
        text, prompt = divmod(pair, len(asked))
        yield prompt, text, count / int(per_prompt[prompt])


def near_pairs(asked: Sequence[str], said: Sequence[str]) -> Iterator[tuple[int, int, float]]:
    """Find the pairs of normal texts that are spelt nearly the same.

    MinHash proposes pairs (Broder 1997; in bands, Leskovec et al., "Mining of Massive Datasets", section 3.4); each
    is then measured on its shingles, so that no pair is given that is not near.

    Args:
        asked: Prompts, each once.
        said: Texts of training rows, each once.

    Yields:
        Position in `asked`, position in `said`, and their Jaccard similarity, at least `NEAR`. Their lengths differ
        by 15 % at most.
    """
    lengths = [len(text) for text in asked]
    low, high = min(lengths, default=0) * NEAR, max(lengths, default=0) / NEAR
    kept = [k for k, text in enumerate(said) if low <= len(text) <= high]
    if not kept or not asked:
        return
    cut = functools.lru_cache(maxsize=_KEPT)(shingles)
    for prompt, text in _candidates(_signatures(asked), _signatures([said[k] for k in kept])):
        mine, theirs = cut(asked[prompt]), cut(said[kept[text]])
        similarity = len(mine & theirs) / len(mine | theirs)
        short, long = sorted((lengths[prompt], len(said[kept[text]])))
        if similarity >= NEAR and short >= NEAR * long:
            yield prompt, kept[text], similarity


def _marked(text: str) -> str:
    return f" {text} ".ljust(SHINGLE)


def _no_ints() -> _Ints:
    return np.empty(0, np.int64)


def _ranges(first: _Ints, counts: _Ints) -> _Ints:
    """List `first[k]`, `first[k] + 1`, ... (`counts[k]` of them) for every k, one after the other."""
    ends = np.cumsum(counts)
    within = np.arange(int(ends[-1]) if ends.size else 0) - np.repeat(ends - counts, counts)
    return np.repeat(first, counts) + within


def _blocks(texts: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Cut a list of texts into parts of about as many characters as `_BLOCK`, each with its first position."""
    first, block, size = 0, list[str](), 0
    for text in texts:
        block.append(text)
        size += len(text)
        if size > _BLOCK:
            yield first, block
            first, block, size = first + len(block), [], 0
    if block:
        yield first, block


def _windows(values: _Hashes, lengths: _Ints, width: int) -> tuple[_Ints, _Hashes]:
    """Hash every `width` values in a row that stand in one text: the number of the text, and the hash."""
    num = max(0, values.size - width + 1)
    hashes = np.zeros(num, np.uint64)
    for k in range(width):
        hashes = hashes * np.uint64(0x9E3779B97F4A7C15) + values[k : k + num]
    owners = np.repeat(np.arange(lengths.size), lengths)
    inside = owners[:num] == owners[width - 1 :]
    return owners[:num][inside], _stirred(hashes[inside])


def _stirred(hashes: _Hashes) -> _Hashes:
    """Spread hashes over all 64 bits: the last steps of splitmix64 (Steele, Lea and Flood 2014)."""
    hashes = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    hashes = (hashes ^ (hashes >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return hashes ^ (hashes >> np.uint64(31))


def _runs(texts: Sequence[str]) -> tuple[_Ints, _Hashes]:
    split = [text.split() for text in texts]
    lengths = np.array([len(words) for words in split], np.int64)
    hashed = np.fromiter((hash(word) for words in split for word in words), np.int64, int(lengths.sum()))
    return _windows(hashed.view(np.uint64), lengths, RUN)


def _hits(known: _Hashes, texts: Sequence[str], first: int) -> _Ints:
    """List which of the known runs stand in which of the texts: position of the text times the runs, plus the run."""
    owners, keys = _runs(texts)
    place = np.searchsorted(known, keys)
    place[place == known.size] = 0
    found = known[place] == keys
    return np.unique((owners[found] + first) * known.size + place[found])


def _signatures(texts: Sequence[str]) -> NDArray[np.uint32]:
    """Give the MinHash values of each text, one row a text."""
    rng = generator(0, "minhash")
    factors = rng.integers(1, 2**64, NUM_BANDS * BAND, dtype=np.uint64) | np.uint64(1)
    made = np.empty((len(texts), factors.size), np.uint32)
    for first, block in _blocks(texts):
        marked = [_marked(text) for text in block]
        lengths = np.array([len(text) for text in marked], np.int64)
        signs = np.frombuffer("".join(marked).encode("utf-32-le"), np.uint32).astype(np.uint64)
        _, hashes = _windows(signs, lengths, SHINGLE)
        starts = np.concatenate(([0], np.cumsum(lengths - SHINGLE + 1)[:-1]))
        for k, factor in enumerate(factors):
            values = ((hashes * factor) >> np.uint64(32)).astype(np.uint32)
            made[first : first + len(block), k] = np.minimum.reduceat(values, starts)
    return made


def _candidates(prompts: NDArray[np.uint32], texts: NDArray[np.uint32]) -> Iterator[tuple[int, int]]:
    """Give each pair that agrees in a whole band and in most of its MinHash values, once; few are held at a time."""
    mine, theirs = _bands(prompts), _bands(texts)
    for band in range(NUM_BANDS):
        order = np.argsort(mine[:, band], kind="stable")
        left, right = (np.searchsorted(mine[order, band], theirs[:, band], side=side) for side in _SIDES)
        counts = right - left
        for part in np.array_split(np.flatnonzero(counts), 1 + int(counts.sum()) // _PAIRS):
            one, other = order[_ranges(left[part], counts[part])], np.repeat(part, counts[part])
            alike = np.mean(prompts[one] == texts[other], axis=1) >= _SURE
            one, other = one[alike], other[alike]
            new = ~np.any(mine[one, :band] == theirs[other, :band], axis=1)
            yield from zip(one[new].tolist(), other[new].tolist(), strict=True)


def _bands(values: NDArray[np.uint32]) -> _Hashes:
    """Hash the values of each band, one column a band."""
    hashes = np.zeros((len(values), NUM_BANDS), np.uint64)
    for column in range(BAND):
        hashes = _stirred(hashes + values[:, column::BAND])
    return hashes
