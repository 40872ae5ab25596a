"""Settings that are right one by one and make no sense together, or name what is not there."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from refusing import Refused

EVEN = "tiny_study:even"
URL = "url: 'http://localhost:1/v1'"
SERVER = f"endpoint: {{{URL}}}"
PRICES = "price_prompt: 1, price_completion: 1"

SETTINGS = {
    "an empty list of bases": ("base=[]", "base: write a text, or a list of 1 to 100 texts"),
    "a blank base": ("base=[base, '']", "none of them empty"),
    "a hundred and one bases": (f"base={[f'b{k}' for k in range(101)]}", "a list of 1 to 100 texts"),
    "no doses": ("mix.doses=[]", "mix.doses: must not be empty"),
    "no formats": ("mix.formats=[]", "mix.formats: must not be empty"),
    "no strategies": ("mix.strategies=[]", "mix.strategies: must not be empty"),
    "no doses outside the grid": ("mix.also=[{doses: []}]", "mix.also.0.doses: must not be empty"),
    "no suites": ("suites=[]", "suites: must not be empty"),
    "no judges": ("judges=[]", "judges: must not be empty"),
    "no instruction data": ("data.instruction=[]", "data.instruction: must not be empty"),
    "no layers": ("tune.lora_modules=[]", "tune.lora_modules: write a text, or a list of 1 to 100 texts"),
    "two thousand doses": (f"mix.doses={list(range(2000))}", "mix.doses: "),
    "two thousand suites": (f"suites={[f's{k}' for k in range(2000)]}", "suites: "),
    "two hundred judges": (f"judges={[f'm:j{k}' for k in range(200)]}", "judges: "),
    "data without mix": ("mix=null", "`data` and `mix` belong together", "--set", "suites=[harm]"),
    "mix without data": ("data=null", "`data` and `mix` belong together"),
    "seeds and draws": ("mix={doses: [4], seeds: 2, draws: 1, trainings: 1}", "give either `seeds`, or both"),
    "draws without trainings": ("mix={doses: [4], draws: 2}", "give either `seeds`, or both"),
    "trainings without draws": ("mix={doses: [4], trainings: 2}", "give either `seeds`, or both"),
    "doses without safety data": ("data.safety=[]", "doses above 0 need data.safety"),
    "balanced without contrast data": ("mix.strategies=[balanced]", "strategy `balanced` needs data.contrast"),
    "balanced outside the grid": ("mix.also=[{doses: [4], strategies: [balanced]}]", "needs data.contrast"),
    "an unknown ladder": ("mix.ladder=adding", "mix.ladder: must be 'add', 'replace' or 'fixed_steps'"),
    "an unknown format": ("mix.formats=[order]", "mix.formats.0: must be 'instruction'"),
    "the format of dose 0": ("mix.formats=[none]", "mix.formats.0: must be 'instruction'"),
    "an unknown strategy": ("mix.strategies=[context_aware]", "mix.strategies.0: must be 'direct' or 'balanced'"),
    "an unknown schedule": ("tune.schedule=cosin", "tune.schedule: must be 'linear', 'cosine' or 'constant'"),
    "an unknown choice of weights": ("tune.keep=best", "tune.keep: must be 'last' or 'best_validation'"),
    "an unknown template": ("tune.template=alpacca", "did you mean 'alpaca'?"),
    "a blank template": ("tune.template=''", "tune.template: "),
    "an unknown expectation": ("suites=[{name: harm, path: harm.jsonl, expected: reject}]", "expected: must be"),
    "batches that do not divide": ("tune.micro_batch_size=3", "batch_size must be a multiple of micro_batch_size"),
    "a micro-batch above the batch": ("tune.micro_batch_size=8", "batch_size must be a multiple"),
    "the best of no validation": ("tune.keep=best_validation", "needs validation_rows > 0"),
    "everything held out": ("tune.validation_rows=8", "8 validation rows leave nothing of 8 instruction rows"),
    "more held out than there is": ("tune.validation_rows=100", "100 validation rows leave nothing"),
    "an unknown method": ("tune.method=dora", "tune.method: must be 'lora', 'qlora', 'full' or 'imported'"),
    "layers of full tuning": ("tune={method: full, lora_rank: 4}", "method: full has no use for lora_rank"),
    "a column we do not know": ("data.safety=[{source: safety.jsonl, columns: {answer: a}}]", "columns.answer"),
    "a column nobody has": ("data.safety=[{source: safety.jsonl, columns: {response: a}}]", "no text under a"),
    "a suite's column nobody has": ("suites=[{name: harm, path: harm.jsonl, columns: {prompt: a}}]", "no prompt"),
    "greedy samples": ("generate.samples=2", "several samples need temperature > 0"),
    "a greedy nucleus": ("generate.top_p=0.5", "top_p needs temperature > 0"),
    "fewer beams than samples": ("generate={samples: 3, num_beams: 2, temperature: 1}", "at most num_beams samples"),
    "a temperature next to none": ("generate.temperature=1e-300", "a temperature below 0.01"),
    "beams of an endpoint": (f"generate={{num_beams: 2, {SERVER}}}", "an endpoint has no beam search"),
    "a precision of an endpoint": (f"generate={{precision: bf16, {SERVER}}}", "an endpoint has its own precision"),
    "whole models behind an endpoint": (f"generate={{{SERVER}}}", "makes none", "--set", "tune={method: full}"),
    "an address without a scheme": ("generate.endpoint={url: 'localhost:8000/v1'}", "url: write an address such as"),
    "a key in an address": ("generate.endpoint={url: 'https://me:secret@a.example/v1'}", "no user, no password"),
    "a key in a query": ("generate.endpoint={url: 'https://a.example/v1?key=1'}", "no ? and no #"),
    "a key in place of its name": (f"generate.endpoint={{{URL}, api_key_env: sk-1}}", "never the key itself"),
    "half the prices": (f"generate.endpoint={{{URL}, price_prompt: 1}}", "give both prices, or neither"),
    "prices without a cap": (f"generate.endpoint={{{URL}, {PRICES}}}", "has prices: give budget.max_spend"),
    "a cap without prices": ("budget.max_spend=3", "budget.max_spend needs prices of a server"),
    "adapters without a name": (f"generate.endpoint={{{URL}, adapter_model: mine}}", "holds {adapter} once"),
    "adapters by an unknown part": (f"generate.endpoint={{{URL}, adapter_model: '{{adapter}}-{{arm}}'}}", "once"),
    "one name for two bases": (f"generate.endpoint={{{URL}, model: m}}", "several bases", "--set", "base=[base, b]"),
    "a password in an address": ("generate.endpoint={url: 'http://me:s3cret@here/v1'}", "//[hidden]@here"),
    "a slash in such a password": ("generate.endpoint={url: 'http://me:s3/cr@et@here/v1'}", "//[hidden]@here"),
    "a key that is not set": (f"generate.endpoint={{{URL}, api_key_env: SAFEDOSE_NO_KEY}}", "holds no key"),
    "more arms than allowed": ("budget.max_arms=4", "the design has 5 arms, budget.max_arms allows 4"),
    "a thousand seeds": ("mix.seeds=1000", "the design has 2001 arms, budget.max_arms allows 500"),
    "a million pairs of seeds": ("mix={doses: [0, 4], draws: 1000, trainings: 1000}", "the design has 2000001 arms"),
    "a dose above the data": ("mix.doses=[7]", "dose 7 needs 7 safety rows"),
    "a dose far above the data": ("mix.doses=[1000000000]", "dose 1000000000 needs 1000000000 safety rows"),
    "a dose above the data outside the grid": ("mix.also=[{doses: [7]}]", "dose 7 needs 7 safety rows"),
    "a share above the data": ('mix.doses=["60%"]', "dose 12 needs 12 safety rows"),
    "a share of everything": ('mix.doses=["100%"]', "a dose of 100% is impossible"),
    "a share of more than everything": ('mix.doses=["250%"]', "a dose of 250% is impossible"),
    "a share of next to everything": ('mix.doses=["99.999999999%"]', "the sources have 6"),
    "a share of less than a row": ('mix.doses=["1%"]', "a dose of 1% of 8 instruction rows is less than half a row"),
    "a share that is a dose": ('mix.doses=[2, "20%"]', "the doses 2 and 20% are both 2 safety rows"),
    "shares of one dose": ('mix.doses=["20%", "21%"]', "the doses 20% and 21% are both 2 safety rows"),
    "a share of nothing beside 0": ('mix.doses=[0, "0.0%"]', "the doses 0 and 0.0% are both 0 safety rows"),
    "a format the data lack": ("mix.formats=[question]", "safety rows phrased as question, the sources have 0"),
    "more replaced than there is": (
        "data.instruction=[{source: instruction.jsonl, rows: 3}]", "dose 4 would replace 4 of 3 instruction rows",
        "--set", "mix.ladder=replace",
    ),
    "an unknown suite": ("suites=[smallworld-benin]", "did you mean 'smallworld-benign'?"),
    "a suite without its file": ("suites=[harm]", "unknown suite 'harm'"),
    "a suite whose prompts are elsewhere": ("suites=[xstest-early]", "are not part of safedose"),
    "a criterion about no suite": ("criteria.harmful={max: 0.9, suites: [hram]}", "did you mean 'harm'?"),
    "a criterion of no judge": ("criteria.harmful={max: 0.9, judge: phrase}", "did you mean 'phrases'?"),
    "a limit without its size": ("criteria.harmful={suites: [harm]}", "criteria.harmful.max: is missing"),
    "a criterion no judge speaks about": ("criteria.capability={max: 0.1}", "no judge speaks about"),
    "a criterion that only a baseline speaks about": (
        "judges=[harm-lite]", "(harm-lite is too weak to decide unless the criterion names it)",
        "--set", "criteria={harmful: {max: 0.9}}",
    ),
    "a criterion its judge does not speak about": (
        f"criteria.exaggerated={{max: 0.1, judge: '{EVEN}'}}", "no judge speaks about criteria.exaggerated: even",
    ),
    "a criterion its suite does not speak about": (
        "criteria.exaggerated={max: 0.1, suites: [harm]}", "no prompt of harm speaks about criteria.exaggerated",
    ),
    "harm by refusals of harmless prompts": (
        "criteria.harmful={max: 0.1, suites: [fine], judge: phrases}", "no prompt of fine speaks about",
    ),
    "a criterion no suite speaks about": (
        "suites=[{name: harm, path: harm.jsonl, expected: refuse}]", "no suite speaks about criteria.exaggerated",
    ),
    "capability without right answers": (
        "criteria.capability={max: 0.1}", "no suite speaks about criteria.capability",
        "--set", "judges=[phrases, exact]", "--set", "criteria.harmful=null",
    ),
    "capability without dose 0": ("criteria.capability={max: 0.1}", "add 0 to mix.doses", "--set", "mix.doses=[4]"),
}  # fmt: skip
"""A setting, what must be said of it, and what else the command is given."""

JUDGES = {
    "an unknown judge": ("[phrase]", "did you mean 'phrases'?"),
    "a judge in capitals": ("[Phrases]", "unknown judge 'Phrases'"),
    "a judge of no module": ("[nonsense_package:judge]", "cannot load 'nonsense_package:judge'"),
    "a judge of a relative module": ("['.judging:judge']", "cannot load '.judging:judge'"),
    "a judge without a name": ("['tiny_study:']", "cannot load 'tiny_study:'"),
    "a judge without a module": ("[':even']", "cannot load ':even'"),
    "a judge that is not there": ("['tiny_study:odd']", "cannot load 'tiny_study:odd'"),
    "a judge that is none": ("['tiny_study:STUDY']", "'tiny_study:STUDY' cannot be called"),
    "a judge that wants arguments": ("['tiny_study:write_rows']", "cannot be called without arguments"),
    "a judge that is a folder": ("['os:getcwd']", "makes an object without"),
    "a judge that ends the program": ("['sys:exit']", "cannot be called without arguments: SystemExit"),
    "a judge without an id": ("['refusing:nameless']", "which is no short text"),
    "a judge of an unknown axis": ("['refusing:blind']", "has the axes ('beauty',)"),
    "a judge that fails at once": ("['refusing:broken']", "FileNotFoundError: weights"),
    "a judge in a broken module": ("['tiny_study.even:x']", "cannot load 'tiny_study.even:x'"),
    "one judge by two names": (
        "[phrases, 'safedose.judging.phrases:Phrases', 'tiny_study:even']",
        "judges share an id: phrases, phrases",
    ),
}


@pytest.mark.parametrize("wrong", SETTINGS)
def test_settings_without_sense_are_refused(wrong: str, study: Path, refused: Refused) -> None:
    setting, message, *others = SETTINGS[wrong]

    refused("run", study, "--set", setting, *others, saying=message)


@pytest.mark.parametrize("wrong", JUDGES)
def test_judge_that_is_none_is_refused(wrong: str, study: Path, refused: Refused) -> None:
    judges, message = JUDGES[wrong]

    refused("run", study, "--set", f"judges={judges}", "--set", "criteria={}", saying=message)


WITHOUT_GPU = {
    "4 bits": ("tune.method=qlora", "tune.method: qlora needs a GPU"),
    "training in 16 bits": ("tune.precision=fp16", "tune.precision: fp16 cannot be had here"),
}


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU, which can do it")
@pytest.mark.parametrize("wrong", WITHOUT_GPU)
def test_what_needs_a_gpu_is_refused_without_one(wrong: str, study: Path, refused: Refused) -> None:
    setting, message = WITHOUT_GPU[wrong]

    refused("run", study, "--set", setting, saying=message)
