"""How one unit of each stage is made: the part in hand is all that a stop can take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from safedose.checkpoints import Checkpoints
from safedose.codec import read_records, write_json, write_records
from safedose.errors import RunError, TrainingFailed
from safedose.inputs import Inputs
from safedose.interfaces import Advance, Comparer, Generator, Judge, Prober, Tuner
from safedose.judging.pairs import TOGETHER
from safedose.judging.verdicts import blaming
from safedose.keys import rival_answers
from safedose.mixture import mix
from safedose.outcome import read_mixture, write_cards
from safedose.records import UNTUNED, Arm, Axis, Failure, MixedRow, Prompt, Proof, Response, Verdict
from safedose.seeding import derive
from safedose.store import StudyFolder, Unit
from safedose.store.journal import in_parts
from safedose.store.seal import Batches
from safedose.study import Study

JUDGED_AT_ONCE = TOGETHER
"""Responses handed to a judge together: the most that a stop makes it read again. Whole batches, since canaries go with
each, however few answers it has."""


def mix_arm(study: Study, inputs: Inputs, arm: Arm, unit: Unit) -> None:
    """Compose and commit the rows of an arm."""
    ratio = study.mix.contrast_ratio if study.mix else 1.0
    mixture = mix(arm, inputs.pool, contrast_ratio=ratio, seed=study.seed)
    with unit.commit() as path:
        write_records(path, mixture.rows, MixedRow)


def is_tuned(folder: StudyFolder, arm: Arm, unit: Unit) -> bool:
    """Say whether an arm has its adapter, or a record of why it has none; sweeps what a stop left of a finished one."""
    if unit.is_committed():
        Checkpoints(folder.checkpoints(arm), key=unit.key).discard()
        return True
    return folder.failure(arm, key=unit.key).is_committed()


def tune_arm(study: Study, folder: StudyFolder, arm: Arm, unit: Unit, tuner: Tuner, advance: Advance) -> None:
    """Tune and commit the adapter of an arm, going on from its last checkpoint; or record why it has none."""
    checkpoints = Checkpoints(folder.checkpoints(arm), key=unit.key, writer=folder.writer)
    seed = derive(study.seed, "train", arm.train_seed)
    folder.outputs.withdraw(folder.card(arm))  # it goes with an adapter that was there
    try:
        with unit.commit() as out:
            out.mkdir()
            adapter = tuner.tune(
                read_mixture(folder, arm), out=out, seed=seed, advance=advance, checkpoints=checkpoints
            )
            write_json(out / "tuning.json", adapter)
    except TrainingFailed as failed:
        failure = Failure(arm=arm.id, step=failed.step, reason=failed.what, kept_step=failed.kept_step)
        with folder.failure(arm, key=unit.key).commit() as path:
            write_json(path, failure)
        return
    checkpoints.discard()
    write_cards(folder, [arm], ())


def require_adapters(folder: StudyFolder) -> None:
    """Stop a study in which every training failed: there is nothing to ask.

    Raises:
        RunError: Then.
    """
    failures = folder.failures()
    if failures and len(failures) == len(folder.tuned_arms()):
        raise RunError(
            f"all {len(failures)} trainings failed: {failures[0].reason}", where=f"arms/{failures[0].arm}/failed.json",
            cause="the learning rate is too high for this base, or the data hold broken rows",
            fix=f"`safedose fork {folder.path} NEW_FOLDER`, lower tune.learning_rate there and run it",
        )  # fmt: skip


def prove_adapter(unit: Unit, generator: Generator, arm: Arm, folder: StudyFolder, advance: Advance) -> None:
    """Find out whether an adapter from elsewhere changes its base, and commit by how much.

    Raises:
        RunError: When it changes nothing or gives numbers that are not finite, or nobody can tell.
    """
    where = f"arms/{arm.id}/adapter"
    advance(0, arm.id)
    if not isinstance(generator, Prober):
        raise RunError(
            f"nobody can tell whether the adapter of {arm.id} is on", where=where,
            cause="what answers here shows no logits",
            fix="generate on this machine, or with a generator that is a Prober",
        )  # fmt: skip
    difference = generator.difference(folder.adapter(arm).committed())
    if not difference > 0:  # NaN too
        nothing = "it was never trained, its scale is 0, or it waits for tokens that no prompt has"
        raise RunError(
            f"the adapter of {arm.id} changes nothing" if difference == 0 else f"the adapter of {arm.id} is broken",
            where=where, cause=nothing if difference == 0 else "its weights give logits that are not finite",
            fix="import again without it, or with a checkpoint of it that works",
        )  # fmt: skip
    with unit.commit() as path:
        write_json(path, Proof(arm=arm.id, logit_difference=difference))


def answer_suite(
    unit: Unit, generator: Generator, prompts: Sequence[Prompt], batches: Batches, arm: Arm,
    folder: StudyFolder, advance: Advance,
) -> None:  # fmt: skip
    """Let an arm answer the prompts of a suite, batch by sealed batch, and commit the answers in their order."""
    adapter = None if arm.run == UNTUNED else folder.adapter(arm).committed()

    def answer(number: int, batch: Sequence[int]) -> list[Response]:
        asked = [prompts[position] for position in batch]
        return generator.generate(asked, arm=arm.id, adapter=adapter, batch=number)

    found = in_parts(unit, batches, answer, kind=Response, done=lambda batch: advance(len(batch), ""))
    place = {prompt.id: number for number, prompt in enumerate(prompts)}
    found.sort(key=lambda response: (place[response.prompt.id], response.sample))
    with unit.commit() as path:
        write_records(path, found, Response)


def judge_suite(
    unit: Unit, judge: Judge, folder: StudyFolder, arm: Arm, suite: str, advance: Advance
) -> None:  # fmt: skip
    """Let a judge read an arm's answers to a suite, and commit its verdicts in their order."""
    answers = read_records(folder.responses(arm, suite).committed(), Response)
    rivals = read_rivals(folder, judge, arm, suite)
    parts = [answers[start : start + JUDGED_AT_ONCE] for start in range(0, len(answers), JUDGED_AT_ONCE)]
    verdicts = in_parts(
        unit, parts, lambda _, part: read_part(judge, part, rivals), kind=Verdict, done=lambda _: advance(0, judge.id)
    )
    folder.withdraw_findings()
    with unit.commit() as path:
        write_records(path, verdicts, Verdict)


def read_rivals(folder: StudyFolder, judge: Judge, arm: Arm, suite: str) -> dict[tuple[str, int], Response]:
    """Read what an arm's answers are compared with, by prompt and sample; empty for a judge that compares nothing."""
    if not isinstance(judge, Comparer):
        return {}
    theirs = read_records(rival_answers(folder, arm, suite).committed(), Response)
    return {(one.prompt.id, one.sample): one for one in theirs if one.finish != "failed"}


def read_part(
    judge: Judge, responses: Sequence[Response], rivals: Mapping[tuple[str, int], Response]
) -> list[Verdict]:  # fmt: skip
    """Let a judge read what was answered; what a server gave no answer to is `not_run`, whoever judges."""
    answered = [response for response in responses if response.finish != "failed"]
    if isinstance(judge, Comparer):
        answered = [one for one in answered if (one.prompt.id, one.sample) in rivals]
        with blaming(judge):
            said = judge.compare(answered, [rivals[one.prompt.id, one.sample] for one in answered])
    else:
        with blaming(judge):
            said = judge.judge(answered)
    if len(answered) == len(responses):
        return said
    if len(said) != len(answered) * len(judge.axes):
        raise RunError(
            f"judge {judge.id!r} gave {len(said)} verdicts on {len(answered)} responses", where=f"judge {judge.id!r}",
            cause="it does not keep to one verdict per response and axis, in order",
            fix="check it with safedose.testing, or take another judge",
        )  # fmt: skip
    given, readable = iter(said), set(map(id, answered))
    return [
        next(given) if id(response) in readable else _not_run(judge, response, axis)
        for response in responses
        for axis in judge.axes
    ]


def _not_run(judge: Judge, response: Response, axis: Axis) -> Verdict:
    prompt, failed = response.prompt, response.finish == "failed"
    return Verdict(
        arm=response.arm, suite=prompt.suite, prompt_id=prompt.id, sample=response.sample, expected=prompt.expected,
        category=prompt.category, judge=judge.id, axis=axis, state="not_run",
        reason=f"no answer: {response.error}" if failed else "dose 0 gave no answer to compare with",
    )  # fmt: skip
