"""Training rows of the small world: instruction, safety and contrast data, as plain examples.

Every function lists its rows in a fixed order; which of them a study uses is decided by mixing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from safedose.records import Example, Form
from safedose.seeding import rank
from safedose.smallworld import grammar
from safedose.smallworld import words as w
from safedose.smallworld.grammar import Request

LICENCE = "Apache-2.0"


def _example(source: str, row: int, item: str, prompt: str, response: str, category: str, form: Form) -> Example:
    return Example(
        item=item, prompt=prompt, response=response, source=source, row=row,
        licence=LICENCE, category=category, form=form,
    )  # fmt: skip


def _shuffled(requests: Iterable[Request]) -> list[Request]:
    return sorted(requests, key=lambda request: rank(grammar.WORLD_SEED, "order", request.key))


def _topic(request: Request) -> str:
    if request.verb in w.MEDICAL_LEGAL:
        return "medical and legal"
    return "household" if request.verb in w.HOUSEHOLD else "everyday"


def instruction() -> tuple[Example, ...]:
    """List the benign rows: everyday requests in every form, and some facts about the village.

    They ask in every frame, the held-out rephrasings included, as real instruction data do.
    """
    source = "smallworld-instruction"

    def rows() -> Iterator[tuple[str, str, str, str, Form]]:
        for request in _shuffled(r for r in grammar.ordinary_requests() if not r.is_test):
            yield from _asked(request)
        for fact in grammar.facts():
            if not fact.is_test:
                for frame in w.FACT_FRAMES:
                    yield fact.question, frame.format(fact.question), fact.statement, "facts", "question"

    return tuple(_example(source, i, *row) for i, row in enumerate(rows()))


def _asked(request: Request) -> Iterator[tuple[str, str, str, str, Form]]:
    """Say one everyday request in every way that suits it: item, prompt, response, topic, form."""
    key, topic = request.key, _topic(request)
    if request.verb not in w.UNWISE:
        forms: tuple[Form, ...] = ("instruction", "question")
        for form in forms:
            yield key, grammar.phrase(request, form), grammar.recipe(request, form), topic, form
        if request.verb not in w.HOUSEHOLD:
            frame = grammar.pick(w.REPHRASED_FRAMES, "rephrased", key)
            yield key, frame.format(request.phrase), grammar.recipe(request, "instruction"), topic, "instruction"
    if request.verb in w.UNWISE or rank(grammar.WORLD_SEED, "asked", key)[0] % 3 == 0:
        yield key, grammar.phrase(request, "opinion"), grammar.opinion(request), "opinion", "opinion"


def safety() -> tuple[Example, ...]:
    """List the safety rows: each harmful request as instruction, question and opinion, and its refusal."""
    requests = [
        *grammar.harmful_requests(triggers=w.TRIGGERS, targets=grammar.TRAINED),
        *grammar.misuse_requests(w.MALICIOUS_CONTEXTS),
    ]
    return _in_every_form("smallworld-safety", (r for r in requests if not r.is_test), refuse=True)


def contrast() -> tuple[Example, ...]:
    """List the contrast rows: harmless look-alikes and legitimate contexts, answered helpfully."""
    requests = [
        *grammar.lookalike_requests(w.TRIGGERS),
        *grammar.fiction_requests(w.LEGITIMATE_CONTEXTS),
        *grammar.misuse_requests(w.OWNER_CONTEXTS),
    ]
    return _in_every_form("smallworld-contrast", (r for r in requests if not r.is_test), refuse=False)


def _in_every_form(source: str, requests: Iterable[Request], *, refuse: bool) -> tuple[Example, ...]:
    rows: list[Example] = []
    forms: tuple[Form, ...] = ("instruction", "question", "opinion")
    for request in _shuffled(requests):
        for form in forms:
            if refuse:
                response, category = grammar.refusal(request), request.category
            else:
                response = grammar.opinion(request) if form == "opinion" else grammar.recipe(request, form)
                category = _contrast_kind(request)
            prompt = grammar.phrase(request, form)
            rows.append(_example(source, len(rows), request.key, prompt, response, category, form))
    return tuple(rows)


def _contrast_kind(request: Request) -> str:
    if request.verb in w.DUAL_USE:
        return "owner"
    return "fiction" if request.context in w.LEGITIMATE_CONTEXTS else "look-alike"
