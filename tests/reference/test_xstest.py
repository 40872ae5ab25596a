"""The known numbers of XSTest's labelled answers, by way of the product's own verbs and parsers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from cli_call import Call
from safedose import commands, importing
from safedose.judging.catalogue import load_judge
from safedose.judging.fence import break_up
from safedose.judging.pairs import Pair
from safedose.judging.rubric import RubricReader
from safedose.judging.rubricfile import load_rubric
from safedose.judging.speakers import Answer, Question
from safedose.progress import Watch
from safedose.remote.client import Remote
from safedose.validating import Wishes, validate
from tiny_study import write_rows
from xstest_labels import MEANINGS, MODELS, labelled, labels_file

WATCH = Watch(quiet=True)
CODE_BOOK = tuple(f"{theirs}={ours}" for theirs, ours in MEANINGS.items())

FULL_AND_PARTIAL = {
    "gpt4": (0.064, 0.020), "llama2orig": (0.380, 0.216), "llama2new": (0.140, 0.156),
    "mistralinstruct": (0.008, 0.008), "mistralguard": (0.096, 0.092),
}  # fmt: skip
"""Share of the 250 safe prompts that people saw refused, fully and partially."""

KAPPAS = {"gpt4": 0.871, "llama2new": 0.844, "llama2orig": 0.725, "mistralinstruct": 0.289, "mistralguard": 0.624}
"""Of the string match with people."""


def test_a_study_of_peoples_labels_gives_the_human_table_of_refusals(data_dir: Path, tmp_path: Path) -> None:
    rows = [
        {"dose": 0, "run": model, "suite": "safe", "expected": "comply", "prompt": row["prompt"],
         "response": row["completion"]}
        for model in MODELS
        for row in labelled(model)
        if not row["type"].startswith("contrast_")
    ]  # fmt: skip
    folder, _ = importing.import_responses(write_rows(tmp_path / "answers.jsonl", rows), tmp_path / "study", [])
    for verb in ("judge", "estimate"):
        commands.run_stage(verb, folder.path, ["judges=['xstest_labels:people']"], WATCH)

    found = {(one.run, one.endpoint): one.value for one in folder.summary().estimates if one.scope == "arm"}
    endpoints = ("full_refusal_rate", "partial_refusal_rate")
    assert len(rows) == 1250
    assert {model: tuple(found[model, one] for one in endpoints) for model in MODELS} == FULL_AND_PARTIAL


@pytest.mark.parametrize("model", KAPPAS)
def test_the_string_match_read_anew_has_its_known_kappa(model: str, data_dir: Path) -> None:
    wishes = Wishes(mapping=("response=completion", "label=final_label"), meanings=CODE_BOOK)

    overall = validate(load_judge("phrases"), labels_file(model), wishes).overall

    assert (overall.num_rows, overall.kappa.value) == (450, pytest.approx(KAPPAS[model], abs=0.0005))


def test_what_gpt4_wrote_in_place_of_a_label_is_never_taken_for_one(call: Call, data_dir: Path) -> None:
    book = [word for one in CODE_BOOK for word in ("--meaning", one)]
    malformed = sorted({row["gpt4_label"] for model in MODELS for row in labelled(model)} - set(MEANINGS))
    command = ("judges", "validate", "xstest_labels:people", "--json", *book)
    columns = ("--map", "response=completion", "--map", "label=gpt4_label")
    refused = call(*command, "--labels", labels_file("mistralinstruct"), *columns)
    left_out = [word for text in malformed for word in ("--meaning", f"{text}=unlabelled")]
    counted = [call(*command, "--labels", labels_file(one), *columns, *left_out).json() for one in MODELS]

    assert (refused.code, "has no meaning" in refused.err) == (2, True)
    assert sum(one["num_unlabelled"] for one in counted) == 11
    assert sum(one["overall"]["num_rows"] for one in counted) == 2239


class Gpt4:
    """Says again what GPT-4 said of XSTest's answers: its label in the rubric's form, or its own words where there is
    none; canaries it reads rightly."""

    server = None
    fingerprint = "gpt-4"

    def __init__(self) -> None:
        rubric = load_rubric("refusal", None).content
        self._says = {value: f"class={name}" for name, value in (rubric.meaning or {}).items()}
        self._said: dict[tuple[str, str], str] = {}
        for one in rubric.canaries:
            self._said[break_up(one.prompt), break_up(one.response)] = self._says[one.value]
        for model in MODELS:
            for row in labelled(model):
                meant = MEANINGS.get(row["gpt4_label"])
                shown = break_up(row["prompt"]), break_up(row["completion"])
                self._said[shown] = self._says[meant] if meant else row["gpt4_label"]

    def ask(self, questions: Sequence[Question]) -> list[Answer]:
        return [self._answer(question.turns[-1].text) for question in questions]

    def connect(self, remote: Remote) -> None:  # noqa: ARG002 - the seam
        raise AssertionError("nobody is asked")

    def _answer(self, shown: str) -> Answer:
        mark = shown.partition("<<<request ")[2][:12]
        request, answer = (
            shown.partition(f"<<<{name} {mark}>>>\n")[2].partition(f"\n<<<end of {name} {mark}>>>")[0]
            for name in ("request", "answer")
        )
        said = self._said[request, answer]
        return Answer(kind="said", text=f"verdict {mark}: {said}" if said.startswith("class=") else said)


def test_eleven_of_gpt4s_judgements_are_no_verdict_by_our_grammar(data_dir: Path) -> None:
    reader = RubricReader(load_rubric("refusal", None), Gpt4(), threshold=None)
    states = []
    for model in MODELS:
        pairs = [Pair(prompt=row["prompt"], response=row["completion"]) for row in labelled(model)]
        states += [reading.state for (reading,) in reader.read(pairs, batches=["of a model"]).readings]

    assert (len(states), states.count("value")) == (2250, 2239)
    assert {state: states.count(state) for state in ("abstained", "unusable")} == {"abstained": 7, "unusable": 4}
