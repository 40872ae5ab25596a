"""One study, stage by stage, in order: mix, tune, generate, judge, estimate, report.

This file reads as the method section. Each stage goes over all arms before the next begins, so a base is
loaded once and adapters stream over it; each reads only what the stage before committed to the study
folder, so that any of them can be run alone, again, or on files made elsewhere.
"""

from __future__ import annotations

from safedose import outcome
from safedose.codec import read_records, to_json, write_json, write_records
from safedose.criteria import recommend_doses
from safedose.generation.local import LocalGenerator
from safedose.inputs import Inputs, pool_digest
from safedose.mixture import mix
from safedose.progress import Watch
from safedose.records import MixedRow, Response, Summary, Verdict
from safedose.report.document import render
from safedose.seeding import derive
from safedose.stats.estimates import estimate
from safedose.store import StudyFolder, stage_key, write_text
from safedose.study import Study
from safedose.tuning.sft import LoraTuner, count_steps


def run_study(study: Study, inputs: Inputs, folder: StudyFolder, watch: Watch) -> Summary:
    """Do the whole study: every stage over all sealed arms, skipping what is already committed."""
    mix_doses(study, inputs, folder, watch)
    tune_adapters(study, folder, watch)
    generate_responses(study, inputs, folder, watch)
    judge_responses(study, inputs, folder, watch)
    summary = estimate_endpoints(study, inputs, folder, watch)
    write_report(study, inputs, folder, watch)
    return summary


def mix_doses(study: Study, inputs: Inputs, folder: StudyFolder, watch: Watch) -> None:
    """1. Mix: from instruction data and a dose of safety data to the exact rows of each arm."""
    ratio = study.mix.contrast_ratio if study.mix else 1.0
    pool = pool_digest(inputs.pool)
    with watch.stage("mix", total=len(folder.tuned_arms()), unit="arms") as advance:
        for arm in folder.tuned_arms():
            key = stage_key("mix", arm=to_json(arm), pool=pool, contrast_ratio=ratio, seed=study.seed)
            unit = folder.mixture(arm, key=key)
            if not unit.is_committed():
                mixture = mix(arm, inputs.pool, contrast_ratio=ratio, seed=study.seed)
                with unit.commit() as path:
                    write_records(path, mixture.rows, MixedRow)
            advance(1, arm.id)


def tune_adapters(study: Study, folder: StudyFolder, watch: Watch) -> None:
    """2. Tune: one LoRA adapter per arm, every base loaded once, the seeds set before an adapter exists."""
    for base in outcome.find_bases(study, folder):
        arms = [arm for arm in folder.tuned_arms() if arm.base == base.name]
        mixtures = {arm.id: outcome.read_mixture(folder, arm) for arm in arms}
        total = sum(count_steps(mixture, study.tune) for mixture in mixtures.values())
        with watch.stage("tune", total=total, unit="steps") as advance:
            tuner = None
            for arm in arms:
                key = stage_key(
                    "tune", mixture=folder.mixture(arm).content(), settings=study.tune.model_dump(),
                    base=base.fingerprint, seed=study.seed, train_seed=arm.train_seed,
                )  # fmt: skip
                unit, mixture = folder.adapter(arm, key=key), mixtures[arm.id]
                if unit.is_committed():
                    advance(count_steps(mixture, study.tune), arm.id)
                    continue
                watch.check(study.budget)
                advance(0, arm.id)
                tuner = tuner or LoraTuner(base, study.tune)
                with unit.commit() as out:
                    out.mkdir()
                    seed = derive(study.seed, "train", arm.train_seed)
                    adapter = tuner.tune(mixture, out=out, seed=seed, advance=advance)
                    write_json(out / "tuning.json", adapter)
                outcome.write_cards(folder, [arm], ())


def generate_responses(study: Study, inputs: Inputs, folder: StudyFolder, watch: Watch) -> None:
    """3. Generate: every arm answers every suite; adapters stream over one loaded base."""
    num_prompts = sum(map(len, inputs.suites.values()))
    for base in outcome.find_bases(study, folder):
        arms = [arm for arm in folder.arms() if arm.base == base.name]
        with watch.stage("generate", total=num_prompts * len(arms), unit="prompts") as advance:
            generator = None
            for arm in arms:
                adapter = None if arm not in folder.tuned_arms() else folder.adapter(arm)
                made_by = adapter.content() if adapter else None
                for suite, prompts in inputs.suites.items():
                    key = stage_key(
                        "generate", adapter=made_by, base=base.fingerprint, template=study.tune.template,
                        settings=study.generate.model_dump(exclude={"untuned"}), seed=study.seed,
                        prompts=[to_json(prompt) for prompt in prompts],
                    )  # fmt: skip
                    unit = folder.responses(arm, suite, key=key)
                    if unit.is_committed():
                        advance(len(prompts), arm.id)
                        continue
                    watch.check(study.budget)
                    generator = generator or LocalGenerator(
                        base, study.generate, template=study.tune.template, seed=study.seed
                    )
                    advance(0, arm.id)
                    path = adapter.committed() if adapter else None
                    responses = generator.generate(prompts, arm=arm.id, adapter=path, advance=advance)
                    with unit.commit() as out:
                        write_records(out, responses, Response)


def judge_responses(study: Study, inputs: Inputs, folder: StudyFolder, watch: Watch) -> None:
    """4. Judge: every judge reads every response it can speak about; judges load after generation."""
    work = outcome.judging_work(study, inputs, folder)
    with watch.stage("judge", total=len(work), unit="files") as advance:
        for judge, arm, suite in work:
            unit = outcome.verdicts_unit(folder, judge, arm, suite)
            if not unit.is_committed():
                watch.check(study.budget)
                responses = read_records(folder.responses(arm, suite).committed(), Response)
                with unit.commit() as out:
                    write_records(out, judge.judge(responses), Verdict)
            advance(1, judge.id)


def estimate_endpoints(study: Study, inputs: Inputs, folder: StudyFolder, watch: Watch) -> Summary:
    """5. Estimate: rates with intervals per arm and per dose, and the smallest dose that meets the criteria."""
    with watch.stage("estimate", total=1, unit="study"):
        arms, tuned = folder.arms(), folder.tuned_arms()
        estimates = estimate(arms, outcome.read_verdicts(study, inputs, folder), level=study.criteria.level)
        expected = dict(outcome.read_expectations(study, folder))
        recommendations = recommend_doses(study, inputs, tuned, estimates, expected)
        summary = Summary(name=study.name, arms=arms, estimates=estimates, recommendations=recommendations)
        outcome.write_summary(folder, summary)
        outcome.write_cards(folder, tuned, estimates)
    return summary


def write_report(study: Study, inputs: Inputs, folder: StudyFolder, watch: Watch) -> None:
    """6. Report: one HTML file, offline, without any harmful text."""
    with watch.stage("report", total=1, unit="page"):
        summary = folder.summary()
        write_text(folder.path / "report.html", render(summary, outcome.read_facts(study, inputs, folder, watch)))
