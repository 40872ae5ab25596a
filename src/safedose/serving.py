"""What a study asks of servers: how much and at what price, told beforehand; and those who ask: generator, judges."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

from safedose.bases import Base
from safedose.frames import FIXED, TEXT_TEMPLATES
from safedose.generation.endpoint import (
    PROBE_TOKENS,
    EndpointGenerator,
    Served,
    adapter_name,
    most_tokens,
    opened_by_server,
    writes_today,
)
from safedose.generation.endpoint import serve_command as command_of
from safedose.inputs import Inputs
from safedose.interfaces import Judge
from safedose.judging.pairs import Asking, Instrument, server_of
from safedose.records import UNTUNED, Arm, Prompt
from safedose.remote.book import NAME, Book
from safedose.remote.client import Remote, has_key
from safedose.remote.pace import Pace
from safedose.remote.settings import Endpoint, Server
from safedose.store import StudyFolder, digest
from safedose.study import Study

NO_PRICES = "no prices given: cost unknown; set price_prompt and price_completion (0 where it is free)"
"""Said of a server elsewhere whose settings have none."""

_PROBES = 4
"""Requests per arm, at most, beside its prompts: it and its base, with likelihoods asked for or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """What a study asks of one server, from its first to its last arm.

    Attributes:
        for_what: `generate`, or the id of a judge.
        host: Name and port.
        is_here: Whether it is on this machine.
        is_open: Whether what is sent could be read on the way.
        num_requests: Answers to ask for, probes not counted; a judge's canaries and its second readings are, of
            imported responses the first reading alone.
        most_cost: What they cost at most when each is sent once, in the money of the prices; None without prices. For
            a judge: if answers have no more tokens, by its own count, than `generate.max_new_tokens`; imported ones
            are counted as they are.
        max_spend: The cap.
        key_env: Environment variable that holds the key; None when there is none.
        lacks_key: Whether that variable holds no key here: a run is refused until it does.
        commands: One per base: starts a vLLM server with its adapters; empty while there are none.
        cautions: What the server will do otherwise than tuning did, in sentences; mostly empty.
    """

    for_what: str
    host: str
    is_here: bool
    is_open: bool
    num_requests: int
    most_cost: float | None
    max_spend: float | None
    key_env: str | None
    lacks_key: bool
    commands: tuple[str, ...]
    cautions: tuple[str, ...]


def planned_calls(
    study: Study, inputs: Inputs, arms: Sequence[Arm], folder: StudyFolder, bases: Sequence[Base]
) -> tuple[Calls, ...]:
    """Say what a study will ask of servers, without asking anything: who answers first, then the judges."""
    prompts = [prompt for suite in inputs.suites.values() for prompt in suite]
    found = []
    if endpoint := study.generate.endpoint:
        probes = _PROBES * endpoint.cost(most_tokens([""]), PROBE_TOKENS)
        cost = sum(_cost(endpoint, prompt, study) for prompt in prompts) * study.generate.samples + probes
        number = len(prompts) * study.generate.samples * len(arms)
        told = as_calls(endpoint, study, "generate", number, cost * len(arms))
        found.append(
            replace(
                told,
                commands=tuple(command for base in bases for command in _commands(endpoint, base, folder)),
                cautions=tuple(_cautions(bases) if study.tune.template == "chat" else ()),
            )
        )
    for judge in inputs.judges:
        if isinstance(judge, Asking) and (server := judge.asks.server) is not None:
            times, tokens = study.generate.samples * len(arms), study.generate.max_new_tokens
            bills = [judge.asks.bill(suite, answer_tokens=tokens) for suite in inputs.suites.values()] * times
            again = _dearest(judge.asks, prompts, times, tokens)[: server.reread]
            bills += [judge.asks.bill(again, answer_tokens=tokens)] if again else []
            cost = sum(server.cost(one.prompt_tokens, one.completion_tokens) for one in bills)
            found.append(as_calls(server, study, judge.id, sum(one.num_requests for one in bills), cost))
    return tuple(found)


def _dearest(asks: Instrument, prompts: Sequence[Prompt], times: int, tokens: int) -> list[Prompt]:
    """Order all that could be drawn to be read again by what it costs, dearest first."""
    order = sorted(prompts, key=lambda one: -asks.bill([one], answer_tokens=tokens).prompt_tokens)
    return [one for one in order for _ in range(times)]


def as_calls(server: Server, study: Study, for_what: str, num_requests: int, cost: float) -> Calls:
    """Put together what is asked of a server, and for what, with what its settings and the cap say."""
    return Calls(
        for_what=for_what, host=server.host, is_here=server.is_here, is_open=server.is_open, num_requests=num_requests,
        most_cost=None if server.price_prompt is None else cost, max_spend=study.budget.max_spend,
        key_env=server.api_key_env, lacks_key=not has_key(server), commands=(), cautions=(),
    )  # fmt: skip


@final
class Connector:
    """Gives the judges of a study the clients they ask by.

    All write to one book of requests; those that ask one address with one key keep its limits together.
    """

    def __init__(self, book: Callable[[], Book], *, max_spend: float | None, seed: int) -> None:
        self._open, self._max_spend, self._seed = functools.cache(book), max_spend, seed
        self._connected: dict[str, str] = {}
        self._paces: dict[tuple[str, str | None], Pace] = {}

    def connect(self, judge: Judge, *, occasion: str = "") -> None:
        """Connect a judge that asks a server; others need nothing.

        Args:
            judge: Who asks.
            occasion: What it is read for: what was answered on one occasion is asked anew on another, in the same
                words.

        Raises:
            InputError: When its key is not there.
        """
        server = server_of(judge)
        if isinstance(judge, Asking) and server is not None and self._connected.get(judge.id) != occasion:
            pace = self._paces.setdefault((server.url, server.api_key_env), Pace(server))
            pace.keep(server)
            remote = Remote(
                server, book=self._open(), max_spend=self._max_spend, seed=self._seed, pace=pace,
                shelf=shelf(judge) + occasion,
            )  # fmt: skip
            judge.asks.connect(remote)
            self._connected[judge.id] = occasion


def shelf(judge: Judge) -> str:
    """Name the place in a book where requests of a judge stand: one for all that ask the same, however they read."""
    return f"{digest(judge.asks.put if isinstance(judge, Asking) else judge.fingerprint)[:16]}/"


def way_to(server: Server | Calls, what: str = "texts") -> str:
    """Say where a server is, and who else can read what is sent there."""
    place = "a server on this machine" if server.is_here else f"a server elsewhere: {what} leave this machine"
    return place + (", and anybody on the way can read them (http)" if server.is_open else "")


def study_connector(study: Study, folder: StudyFolder) -> Connector:
    """Connect the judges of a study, whose requests stand in the study's own book."""
    return Connector(
        lambda: Book(folder.path / NAME, writer=folder.writer), max_spend=study.budget.max_spend, seed=study.seed
    )


def _cautions(bases: Sequence[Base]) -> Iterator[str]:
    for base in bases:
        if writes_today(base):
            yield (
                f"the chat template of {base.name} writes today's date on a server; the rows it was tuned on say "
                f"{FIXED['date_string']}: start the server with a copy of the template that says so"
            )
        if opened_by_server(base):
            yield (
                f"the chat template of {base.name} opens a thought on a server; the rows it was tuned on have none: "
                "start the server with a copy of the template that opens none"
            )


def open_generator(base: Base, study: Study, folder: StudyFolder, endpoint: Endpoint) -> EndpointGenerator:
    """Make the generator that asks the study's server; what it sends is written to the study's book of requests."""
    adapters = {one.arm: one.folder for one in _served(base, folder)}

    def record(arm: str, detail: dict[str, Any]) -> None:
        if folder.writer:
            folder.writer.record("served", adapters[arm], host=endpoint.host, **detail)

    book = Book(folder.path / NAME, writer=folder.writer)
    remote = Remote(endpoint, book=book, max_spend=study.budget.max_spend, seed=study.seed)
    return EndpointGenerator(
        base, study.generate, template=study.tune.template, seed=study.seed, remote=remote, adapters=adapters,
        record=record,
    )  # fmt: skip


def _cost(endpoint: Endpoint, prompt: Prompt, study: Study) -> float:
    template = TEXT_TEMPLATES.get(study.tune.template, ())
    texts = [*(turn.text for turn in prompt.before), prompt.text, *template]
    return endpoint.cost(most_tokens(texts), study.generate.max_new_tokens)


def _served(base: Base, folder: StudyFolder) -> list[Served]:
    arms = [arm for arm in folder.arms() if arm.base == base.name and arm.run != UNTUNED]
    made = [(arm.id, folder.adapter(arm)) for arm in arms if folder.adapter(arm).exists()]
    return [Served(arm, adapter_name(unit.path), unit.path) for arm, unit in made if unit.path.is_dir()]


def _commands(endpoint: Endpoint, base: Base, folder: StudyFolder) -> list[str]:
    served = _served(base, folder)
    return [command_of(endpoint, base, served)] if served else []
