"""What identifies each unit of a study: everything that can change its bytes, and nothing else.

Device, threads and library builds are recorded with the study, not keyed: moving it recomputes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from safedose.bases import Base
from safedose.codec import to_json
from safedose.inputs import Inputs, pool_digest
from safedose.interfaces import Comparer, Judge
from safedose.judging.pairs import server_of
from safedose.records import UNTUNED, Arm, Prompt
from safedose.store import STAGE_VERSIONS, StudyFolder, Unit, digest, stage_key
from safedose.store.seal import Batches
from safedose.study import Study


def mixture_unit(study: Study, pool: str, folder: StudyFolder, arm: Arm) -> Unit:
    """The rows of an arm, made from the pool of that hash."""
    ratio = study.mix.contrast_ratio if study.mix else 1.0
    return folder.mixture(arm, key=stage_key("mix", arm=to_json(arm), pool=pool, contrast_ratio=ratio, seed=study.seed))


def adapter_unit(study: Study, base: Base, folder: StudyFolder, arm: Arm) -> Unit:
    """The adapter of an arm, tuned on its committed rows."""
    key = stage_key(
        "tune", mixture=folder.mixture(arm).content(), settings=study.tune.model_dump(),
        base=base.fingerprint, seed=study.seed, train_seed=arm.train_seed,
    )  # fmt: skip
    return folder.adapter(arm, key=key)


def proof_unit(study: Study, base: Base, folder: StudyFolder, arm: Arm) -> Unit:
    """What an adapter from elsewhere does to its base, asked in the study's template."""
    key = stage_key(
        "prove", adapter=folder.adapter(arm).content(), base=base.fingerprint, template=study.tune.template,
        precision=study.generate.precision,
    )  # fmt: skip
    return folder.proof(arm, key=key)


def responses_unit(
    study: Study, base: Base, folder: StudyFolder, arm: Arm, prompts: Sequence[Prompt], batches: Batches
) -> Unit:
    """The answers of an arm to the prompts of one suite, in sealed batches, by its committed adapter."""
    key = stage_key(
        "generate", adapter=None if arm.run == UNTUNED else folder.adapter(arm).content(), base=base.fingerprint,
        template=study.tune.template, settings=_decoding(study), seed=study.seed,
        prompts=[to_json(prompt) for prompt in prompts], batches=batches,
    )  # fmt: skip
    return folder.responses(arm, prompts[0].suite, key=key)


def _decoding(study: Study) -> dict[str, Any]:
    """List the settings that decide what an arm answers; of a server only what it is asked for, not where it is."""
    settings = study.generate.model_dump(mode="json", exclude={"untuned", "endpoint"})
    endpoint = study.generate.endpoint
    return settings | ({} if endpoint is None else {"endpoint": {"model": endpoint.model}})


def verdicts_unit(folder: StudyFolder, judge: Judge, arm: Arm, suite: str) -> Unit:
    """The verdicts of a judge on an arm's present answers to a suite, and of a comparing one on dose 0's."""
    responses = folder.responses(arm, suite).content()
    beside = {"rivals": rival_answers(folder, arm, suite).content()} if isinstance(judge, Comparer) else {}
    key = stage_key("judge", responses=responses, judge=judge.id, fingerprint=judge.fingerprint, **beside)
    return folder.verdicts(arm, judge.id, suite, key=key)


def read_twice(todo: Sequence[tuple[Judge, Arm, str]]) -> list[tuple[Judge, list[tuple[Arm, str]]]]:
    """List the judges that read some of their answers a second time, each with the files it judges.

    Only a judge that asks a server does: what reads on this machine does not change meanwhile.
    """
    found: dict[str, tuple[Judge, list[tuple[Arm, str]]]] = {}
    for judge, arm, suite in todo:
        server = server_of(judge)
        if server is not None and server.reread:
            found.setdefault(judge.id, (judge, []))[1].append((arm, suite))
    return list(found.values())


def rereadings_unit(study: Study, folder: StudyFolder, judge: Judge, files: Sequence[tuple[Arm, str]]) -> Unit:
    """What a judge says a second time of answers drawn from all that it has judged by now."""
    server = server_of(judge)
    key = stage_key(
        "reread", judge=judge.id, fingerprint=judge.fingerprint, number=server.reread if server else 0, seed=study.seed,
        verdicts=[folder.verdicts(arm, judge.id, suite).content() for arm, suite in files],
    )  # fmt: skip
    return folder.rereadings(judge.id, key=key)


def rival_of(folder: StudyFolder, arm: Arm) -> Arm | None:
    """Find the arm of dose 0 that an arm is compared with: of the same seeds, else the first; None at dose 0 itself."""
    start = (arm.base, arm.run, arm.ladder)
    zero = [one for one in folder.tuned_arms() if (one.base, one.run, one.ladder) == start and one.strategy == "none"]
    if arm.run == UNTUNED or arm.strategy == "none" or not zero:
        return None
    seeds = (arm.draw_seed, arm.train_seed)
    return next((one for one in zero if (one.draw_seed, one.train_seed) == seeds), zero[0])


def rival_answers(folder: StudyFolder, arm: Arm, suite: str) -> Unit:
    """The answers of dose 0 that an arm's are compared with."""
    return folder.responses(rival_of(folder, arm) or arm, suite)


def ingredients(study: Study, inputs: Inputs, bases: Sequence[Base]) -> dict[str, Any]:
    """List what a study is made of, flat, so that a later change can be named: settings as they are, data as hashes.

    What only adds arms or prompts, or only reads what was made (doses, judges, criteria, budget), is not in it.
    """
    groups: dict[str, Any] = {
        "seed": study.seed,
        "data": study.data.model_dump(mode="json", exclude={"max_overlap"}) if study.data else None,
        "mix": study.mix.model_dump(mode="json", include={"ladder", "contrast_ratio"}) if study.mix else None,
        "tune": study.tune.model_dump(mode="json"),
        "generate": _decoding(study),
        "generate.endpoint": study.generate.endpoint is not None,
        "rows": pool_digest(inputs.pool),
        "base": {base.name: base.fingerprint for base in bases},
        "prompts": {name: digest([to_json(prompt) for prompt in prompts]) for name, prompts in inputs.suites.items()},
        "stage_version": STAGE_VERSIONS,
    }
    return dict(_flat("", groups))


def _flat(place: str, value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [item for name, inner in value.items() for item in _flat(f"{place}.{name}" if place else name, inner)]
    if isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        return [item for number, inner in enumerate(value) for item in _flat(f"{place}.{number}", inner)]
    return [(place, value)]
