"""Who tunes and who answers: the seams at which a study can be given other hands than this machine's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from safedose.bases import Base
from safedose.generation.local import LocalGenerator, count_tokens
from safedose.interfaces import Generator, Tuner
from safedose.records import Prompt
from safedose.serving import open_generator
from safedose.store import StudyFolder
from safedose.study import Study
from safedose.tuning.sft import SftTuner


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """What makes adapters and responses.

    Attributes:
        tuner: Gives the tuner of a base.
        generator: Gives the generator of a base and its adapters, which lie in the study's folder.
        count_tokens: Says how long prompts are for a base, which decides what shares a batch.
    """

    tuner: Callable[[Base, Study], Tuner]
    generator: Callable[[Base, Study, StudyFolder], Generator]
    count_tokens: Callable[[Base, Study, Sequence[Prompt]], list[int]]


def _generator(base: Base, study: Study, folder: StudyFolder) -> Generator:
    settings = study.generate
    if settings.endpoint is None:
        return LocalGenerator(base, settings, template=study.tune.template, seed=study.seed)
    return open_generator(base, study, folder, settings.endpoint)


LOCAL = Engines(
    tuner=lambda base, study: SftTuner(base, study.tune),
    generator=_generator,
    count_tokens=lambda base, study, prompts: count_tokens(base, study.tune.template, prompts),
)
"""Everything on this machine, but for answers where the study names a server."""
