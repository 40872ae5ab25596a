"""The seams of the house: what a tuner, a generator and a judge must be able to do.

Each is a protocol with one method, so a function wrapped in a small final class is enough; what a tuner is
handed to leave its checkpoints with is a protocol too, which safedose implements. The contract checks in
`safedose.testing` run over every implementation, yours included.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from safedose.errors import InputError
from safedose.records import Adapter, Axis, Mixture, Prompt, Response, Verdict

Advance = Callable[[int, str], None]
"""Tells a progress display that so many steps more are done, and what is going on."""


class CheckpointKeeper(Protocol):
    """Keeps what a tuner needs to go on after a stop; `safedose.checkpoints.Checkpoints` is the one we use."""

    def latest(self) -> tuple[int, Path] | None:
        """Give step and folder of the newest good checkpoint of this very training; None when there is none."""
        ...

    def due(self, step: int) -> bool:
        """Say whether a checkpoint after this step is worth its while."""
        ...

    def write(self, step: int) -> AbstractContextManager[Path]:
        """Give an empty folder to write the checkpoint of a step to; it counts once the block has ended."""
        ...


class Tuner(Protocol):
    """Turns a mixture into an adapter on disk."""

    def tune(
        self, mixture: Mixture, *, out: Path, seed: int, advance: Advance, checkpoints: CheckpointKeeper
    ) -> Adapter:
        """Train on the mixture and write the adapter in PEFT layout to `out`, going on from the latest checkpoint.

        Adapter and record depend on mixture and seed alone: not on how often the training was stopped, nor where.

        Args:
            mixture: The rows, in order.
            out: An existing, empty folder.
            seed: Governs initialisation, order and dropout; set before the adapter exists.
            advance: Called with the number of optimizer steps just done; steps of an earlier run come in one call.
                May raise KeyboardInterrupt to ask for a stop: then a checkpoint of this step is written first.
            checkpoints: Where the tuner leaves what it needs to go on: safetensors and JSON, no pickle, no paths.

        Raises:
            TrainingFailed: When loss, gradient or weights are not finite; other arms are not concerned.
            RunError: When the adapter changes nothing, or memory is too small for a single row.
            KeyboardInterrupt: When `advance` asked for it.
        """
        ...


class Generator(Protocol):
    """Lets one arm answer prompts."""

    def generate(self, prompts: Sequence[Prompt], *, arm: str, adapter: Path | None, batch: int) -> list[Response]:
        """Answer the prompts of one planned batch, all of one suite.

        Args:
            prompts: What to ask.
            arm: Id written on each response.
            adapter: Folder of the adapter; None asks the untuned base.
            batch: Number of the batch in the sealed plan; written on each response. The same batch asked
                again gives the same responses.

        Returns:
            One response per prompt and sample, in the order of the prompts.
        """
        ...


@runtime_checkable
class Prober(Protocol):
    """Shows what an adapter does to its base; a generator that answers with imported adapters is one too."""

    def difference(self, adapter: Path) -> float:
        """Give the largest absolute change of the base's logits on `safedose.probes.PROBES`; NaN if not finite."""
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


@runtime_checkable
class Comparer(Protocol):
    """A judge that compares answers, in a study with those of dose 0; it is a `Judge` too, on the axis `preference`."""

    def compare(self, responses: Sequence[Response], rivals: Sequence[Response]) -> list[Verdict]:
        """Give one verdict per response: `preferred` to the rival's answer, `tie`, or `not_preferred`.

        Args:
            responses: Answers, in a study at a dose.
            rivals: Other answers to the same prompts, in the same order; in a study those of dose 0.
        """
        ...


def load(path: str) -> Any:
    """Fetch what a dotted path such as `package.module:name` names, importing it only now.

    Raises:
        InputError: When the module or the name does not exist, or importing it fails.
    """
    module, _, name = path.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except Exception as error:  # a module of somebody else's may raise anything
        raise InputError(
            f"cannot load {path!r}: {error}",
            where="a dotted path in the study file",
            cause="the package is not installed or the name is misspelt",
            fix="write it as package.module:name and check that Python can import it",
        ) from error
