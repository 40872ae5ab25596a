"""What a study asks of a server: how much and at what price, told beforehand; and the generator that asks it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

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
from safedose.records import UNTUNED, Arm, Prompt
from safedose.remote.book import NAME, Book
from safedose.remote.client import Remote, read_key
from safedose.remote.settings import Endpoint
from safedose.store import StudyFolder
from safedose.study import Study

_PROBES = 4
"""Requests per arm, at most, beside its prompts: it and its base, with likelihoods asked for or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """What a study asks of one server, from its first to its last arm.

    Attributes:
        host: Name and port.
        is_here: Whether it is on this machine.
        is_open: Whether what is sent could be read on the way.
        num_requests: Answers to ask for, probes not counted.
        most_cost: What they cost at most when each is sent once, in the money of the prices; None without prices.
        max_spend: The cap.
        key_env: Environment variable that holds the key; None when there is none.
        commands: One per base: starts a vLLM server with its adapters; empty while there are none.
        cautions: What the server will do otherwise than tuning did, in sentences; mostly empty.
    """

    host: str
    is_here: bool
    is_open: bool
    num_requests: int
    most_cost: float | None
    max_spend: float | None
    key_env: str | None
    commands: tuple[str, ...]
    cautions: tuple[str, ...]


def planned_calls(study: Study, inputs: Inputs, arms: Sequence[Arm], folder: StudyFolder, bases: Sequence[Base]) -> (
    Calls | None
):  # fmt: skip
    """Say what a study will ask of a server, without asking anything; None when no server is asked.

    Raises:
        InputError: When the key is not there.
    """
    endpoint = study.generate.endpoint
    if endpoint is None:
        return None
    read_key(endpoint)
    prompts = [prompt for suite in inputs.suites.values() for prompt in suite]
    cost = sum(_cost(endpoint, prompt, study) for prompt in prompts) * study.generate.samples
    probes = _PROBES * endpoint.cost(most_tokens([""]), PROBE_TOKENS)
    return Calls(
        host=endpoint.host, is_here=endpoint.is_here, is_open=endpoint.is_open,
        num_requests=len(prompts) * study.generate.samples * len(arms),
        most_cost=None if endpoint.price_prompt is None else (cost + probes) * len(arms),
        max_spend=study.budget.max_spend, key_env=endpoint.api_key_env,
        commands=tuple(command for base in bases for command in _commands(endpoint, base, folder)),
        cautions=tuple(_cautions(bases) if study.tune.template == "chat" else ()),
    )  # fmt: skip


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
