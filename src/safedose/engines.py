"""Who tunes and who answers: the seams at which a study can be given other hands than this machine's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from safedose.bases import Base
from safedose.generation.local import LocalGenerator, count_tokens
from safedose.interfaces import Generator, Tuner
from safedose.records import Prompt
from safedose.study import Study
from safedose.tuning.sft import SftTuner


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """What makes adapters and responses.

    Attributes:
        tuner: Gives the tuner of a base.
        generator: Gives the generator of a base and its adapters.
        count_tokens: Says how long prompts are for a base, which decides what shares a batch.
    """

    tuner: Callable[[Base, Study], Tuner]
    generator: Callable[[Base, Study], Generator]
    count_tokens: Callable[[Base, Study, Sequence[Prompt]], list[int]]


LOCAL = Engines(
    tuner=lambda base, study: SftTuner(base, study.tune),
    generator=lambda base, study: LocalGenerator(base, study.generate, template=study.tune.template, seed=study.seed),
    count_tokens=lambda base, study, prompts: count_tokens(base, study.tune.template, prompts),
)
"""Everything on this machine."""
