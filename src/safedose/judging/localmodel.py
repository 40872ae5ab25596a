"""The model a judge reads with on this machine: its description is found at once, its weights when they are needed."""

from __future__ import annotations

from pathlib import Path

from safedose.bases import Base, find_base
from safedose.judgechoice import JudgeChoice
from safedose.judging.guard_table import GUARDS

_LOCAL = ("guard", "reward", "rubric")


def model_of(choice: JudgeChoice) -> str | None:
    """Name the model a judge reads with on this machine: a guard has its own; None for a judge that needs none here."""
    family, _, name = choice.judge.partition(":")
    if choice.endpoint is not None or family not in _LOCAL:
        return None
    own = GUARDS[name].model if family == "guard" and name in GUARDS else None
    return choice.model or own


def describe_model(choice: JudgeChoice, root: Path) -> Base:
    """Find what says how a judge's model is built and reads; of one on the Hub no weights are fetched.

    Args:
        choice: A judge with a model on this machine.
        root: Where relative paths start.

    Raises:
        InputError: When there is no such model, or none that could be used.
        Unfetched: When it is on the Hub only, which cannot be reached.
    """
    return find_base(str(model_of(choice)), root=root, weights=False, what="model", where=f"judges, {choice.id}: model")


def find_model(choice: JudgeChoice, root: Path) -> Base:
    """Find the whole model of a judge, fetching weights that are not here: those of the commit that was described.

    Raises:
        InputError: As `describe_model` does.
    """
    described = describe_model(choice, root)
    if described.complete:
        return described
    repository = described.name.partition("@")[0]
    name = f"{repository}@{described.commit}"
    return find_base(name, root=root, what="model", where=f"judges, {choice.id}: model")
