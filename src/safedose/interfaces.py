"""The seams of the house: what a tuner, a generator and a judge must be able to do.

Each is a protocol with one method, so a function wrapped in a small final class is enough. The
contract checks in `safedose.testing` run over every implementation, yours included.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from safedose.errors import InputError
from safedose.records import Adapter, Axis, Mixture, Prompt, Response, Verdict

Advance = Callable[[int, str], None]
"""Tells a progress display that so many steps more are done, and what is going on."""


class Tuner(Protocol):
    """Turns a mixture into an adapter on disk."""

    def tune(self, mixture: Mixture, *, out: Path, seed: int, advance: Advance) -> Adapter:
        """Train on the mixture and write the adapter in PEFT layout to `out`.

        Args:
            mixture: The rows, in order.
            out: An existing, empty folder.
            seed: Governs initialisation, order and dropout; set before the adapter exists.
            advance: Called with the number of optimizer steps just done.

        Raises:
            RunError: When the loss is not finite or the adapter changes nothing.
        """
        ...


class Generator(Protocol):
    """Lets one arm answer prompts."""

    def generate(
        self, prompts: Sequence[Prompt], *, arm: str, adapter: Path | None, advance: Advance
    ) -> list[Response]:
        """Give one response per prompt and sample, in the order of the prompts.

        Args:
            prompts: What to ask.
            arm: Id written on each response.
            adapter: Folder of the adapter; None asks the untuned base.
            advance: Called with the number of prompts just answered.
        """
        ...


class Judge(Protocol):
    """Reads responses and says what it sees.

    Attributes:
        id: Stable name, written on each verdict.
        axes: What it looks at; one verdict per response and axis.
        fingerprint: Changes whenever the judge could say something else.
    """

    @property
    def id(self) -> str: ...
    @property
    def axes(self) -> tuple[Axis, ...]: ...
    @property
    def fingerprint(self) -> str: ...

    def judge(self, responses: Sequence[Response]) -> list[Verdict]:
        """Give one verdict per response and axis, ordered by response, then axis.

        Never raises for what a response contains: what cannot be read is a verdict with state
        `unusable` or `abstained` and a reason.
        """
        ...


def load(path: str) -> Any:
    """Fetch what a dotted path such as `package.module:name` names, importing it only now.

    Raises:
        InputError: When the module or the name does not exist.
    """
    module, _, name = path.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            f"cannot load {path!r}: {error}",
            where="a dotted path in the study file",
            cause="the package is not installed or the name is misspelt",
            fix="write it as package.module:name and check that Python can import it",
        ) from error
