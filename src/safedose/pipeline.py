"""One study, stage by stage, in order: mix, tune, generate, judge, estimate, report.

This file reads as the method section. Each stage goes over all arms before the next begins, so a base is
loaded once and adapters stream over it; each reads only what the stage before committed to the study
folder, so that any of them can be run alone, again, or on files made elsewhere.
"""

from __future__ import annotations

from safedose import keys, outcome, rereading, work
from safedose.adopted import must_prove
from safedose.criteria import recommend_doses, spell_criteria
from safedose.engines import Engines
from safedose.findings import Summary
from safedose.inputs import Inputs, pool_digest
from safedose.progress import Watch
from safedose.records import UNTUNED
from safedose.report.document import render
from safedose.serving import study_connector
from safedose.stats.contrasts import contrast_doses
from safedose.stats.disagreement import SideBySide
from safedose.stats.dose_response import draw_curves
from safedose.stats.estimates import Usable, estimate
from safedose.stats.pairing import Outcomes
from safedose.stats.tradeoffs import weigh_studies
from safedose.stats.variance import split_doses
from safedose.store import StudyFolder
from safedose.study import Study
from safedose.tuning.sft import count_steps


def run_study(study: Study, inputs: Inputs, folder: StudyFolder, watch: Watch, engines: Engines) -> Summary:
    """Do the whole study: every stage over all sealed arms, skipping what is already committed."""
    if not study.adopts:
        mix_doses(study, inputs, folder, watch)
        tune_adapters(study, folder, watch, engines)
    generate_responses(study, inputs, folder, watch, engines)
    judge_responses(study, inputs, folder, watch)
    summary = estimate_endpoints(study, inputs, folder, watch)
    write_report(study, inputs, folder, watch)
    return summary


def mix_doses(study: Study, inputs: Inputs, folder: StudyFolder, watch: Watch) -> None:
    """1. Mix: from instruction data and a dose of safety data to the exact rows of each arm."""
    pool = pool_digest(inputs.pool)
    with watch.stage("mix", total=len(folder.tuned_arms()), unit="arms") as advance:
        for arm in folder.tuned_arms():
            unit = keys.mixture_unit(study, pool, folder, arm)
            if not unit.is_committed():
                work.mix_arm(study, inputs, arm, unit)
            advance(1, arm.id)


def tune_adapters(study: Study, folder: StudyFolder, watch: Watch, engines: Engines) -> None:
    """2. Tune: one LoRA adapter per arm, every base loaded once, the seeds set before an adapter exists."""
    for base in outcome.find_bases(study, folder):
        arms = [arm for arm in folder.tuned_arms() if arm.base == base.name]
        num_steps = {arm.id: count_steps(outcome.read_mixture(folder, arm), study.tune) for arm in arms}
        with watch.stage("tune", total=sum(num_steps.values()), unit="steps") as advance:
            tuner = None
            for arm in arms:
                unit = keys.adapter_unit(study, base, folder, arm)
                if work.is_tuned(folder, arm, unit):
                    advance(num_steps[arm.id], arm.id)
                    continue
                watch.check(study.budget)
                advance(0, arm.id)
                tuner = tuner or engines.tuner(base, study)
                work.tune_arm(study, folder, arm, unit, tuner, advance)
    work.require_adapters(folder)


def generate_responses(study: Study, inputs: Inputs, folder: StudyFolder, watch: Watch, engines: Engines) -> None:
    """3. Generate: every arm answers every suite in sealed batches; adapters stream over one loaded base."""
    num_prompts = sum(map(len, inputs.suites.values()))
    for base in outcome.find_bases(study, folder):
        arms = [arm for arm in folder.working_arms() if arm.base == base.name]
        with watch.stage("generate", total=num_prompts * len(arms), unit="prompts") as advance:
            generator = None
            for arm in arms:
                if must_prove(study) and arm.run != UNTUNED:
                    proof = keys.proof_unit(study, base, folder, arm)
                    if not proof.is_committed():
                        generator = generator or engines.generator(base, study, folder)
                        work.prove_adapter(proof, generator, arm, folder, advance)
                for suite, prompts in inputs.suites.items():
                    batches = folder.batches(base.name, suite)
                    unit = keys.responses_unit(study, base, folder, arm, prompts, batches)
                    if unit.is_committed():
                        advance(len(prompts), arm.id)
                        continue
                    watch.check(study.budget)
                    advance(0, arm.id)
                    generator = generator or engines.generator(base, study, folder)
                    work.answer_suite(unit, generator, prompts, batches, arm, folder, advance)


def judge_responses(study: Study, inputs: Inputs, folder: StudyFolder, watch: Watch) -> None:
    """4. Judge: every judge reads every response it can speak about, one that asks a server some of them twice."""
    todo, servers = outcome.judging_work(study, inputs, folder), study_connector(study, folder)
    twice = keys.read_twice(todo)
    with watch.stage("judge", total=len(todo) + len(twice), unit="files") as advance:
        for judge, arm, suite in todo:
            unit = keys.verdicts_unit(folder, judge, arm, suite)
            if not unit.is_committed():
                watch.check(study.budget)
                servers.connect(judge)
                work.judge_suite(unit, judge, folder, arm, suite, advance)
            advance(1, judge.id)
        for judge, files in twice:
            unit = keys.rereadings_unit(study, folder, judge, files)
            if not unit.is_committed():
                watch.check(study.budget)
                rereading.reread_answers(unit, study, folder, judge, files, servers, advance)
            advance(1, judge.id)


def estimate_endpoints(study: Study, inputs: Inputs, folder: StudyFolder, watch: Watch) -> Summary:
    """5. Estimate: rates per arm and dose, what a dose changes, and the smallest dose that meets the criteria."""
    with watch.stage("estimate", total=1, unit="study"):
        arms, tuned, failures = folder.working_arms(), folder.tuned_arms(), folder.failures()
        level, seed, paired, beside = study.criteria.level, study.seed, Outcomes(), SideBySide()
        broken = [arm for arm in tuned if any(failure.arm == arm.id for failure in failures)]
        usable = Usable(study.criteria.max_missing, broken)
        read = beside.watching(outcome.read_verdicts(study, inputs, folder))
        estimates = estimate(arms, paired.watching(read), level=level)
        asked = spell_criteria(study, inputs, tuned, estimates, dict(outcome.read_expectations(study, folder)))
        criteria = [criterion for one in asked for criterion in one.criteria]
        contrasts = contrast_doses(arms, paired, criteria, usable, level=level, seed=seed)
        curves = draw_curves(estimates, paired, usable, level=level, seed=seed)
        recommendations = recommend_doses(study, asked, tuned, estimates, contrasts, failures)
        summary = Summary(
            name=study.name, arms=folder.arms(), estimates=estimates,
            recommendations=recommendations,
            failures=failures, contrasts=contrasts, curves=curves, variances=split_doses(arms, paired),
            trade_offs=weigh_studies(estimates, recommendations, usable), disagreements=beside.compare(arms),
            steadiness=rereading.weigh_judges(study, inputs, folder),
        )  # fmt: skip
        folder.write_summary(summary)
        outcome.write_cards(folder, tuned, estimates)
    return summary


def write_report(study: Study, inputs: Inputs, folder: StudyFolder, watch: Watch) -> None:
    """6. Report: one HTML file, offline, without any harmful text."""
    with watch.stage("report", total=1, unit="page"):
        summary = folder.summary()
        folder.outputs.put({"report.html": render(summary, outcome.read_facts(study, inputs, folder, watch))})
