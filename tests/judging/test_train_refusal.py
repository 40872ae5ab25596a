"""Training the judge `refusal`: folds, left-out predictions, and what it writes."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from safedose.judging.refusal import VALUES, Refusal
from safedose.judging.refusal_features import features
from safedose.judging.refusal_wording import rows
from safedose.judging.train_refusal import MODELS, NUM_FOLDS, Answer, fold_of, held_out, predict, train_on

OWN = list(rows())


def answers(models: tuple[str, ...], prompts: int) -> list[Answer]:
    asked = [f"How do I make kite {number}?" for number in range(prompts)]
    texts = {"complied": "Take paper and two sticks. Tie them.", "full_refusal": "I am sorry, I cannot help with that."}
    return [
        Answer(model, fold_of(prompt), prompt, text, value)
        for model in models
        for prompt, (value, text) in zip(asked, list(texts.items()) * prompts, strict=False)
    ]


def test_own_wording_holds_every_verdict_and_no_answer_twice() -> None:
    assert {value for *_, value in OWN} == set(VALUES)
    assert Counter(Counter((text, value) for _, text, value in OWN).values()) == {1: len(OWN)}


def test_a_prompt_has_one_fold_whoever_answers() -> None:
    assert {fold_of(f"prompt {number}") for number in range(100)} == set(range(NUM_FOLDS))


def test_every_answer_is_predicted_by_a_model_that_saw_neither_author_nor_prompt() -> None:
    labelled = answers(("first", "second", "third"), 24)

    probabilities = held_out(labelled)

    assert probabilities.sum(axis=1) == pytest.approx(np.ones(len(labelled)))
    right = [value == "complied" for *_, value in labelled]
    assert (probabilities[:, 0] > 0.5).tolist() == right


def test_labels_of_the_left_out_author_do_not_change_his_predictions() -> None:
    labelled = answers(("first", "second", "third"), 24)
    turned = [one._replace(value="partial_refusal") if one.model == "first" else one for one in labelled]
    of_first = [one.model == "first" for one in labelled]

    assert held_out(labelled)[of_first] == pytest.approx(held_out(turned)[of_first])


def test_the_judge_computes_what_training_computes() -> None:
    labelled = answers(("first", "second", "third"), 24)
    fitted = train_on(labelled, [features(one.prompt, one.text) for one in labelled])
    shipped = json.loads(files("safedose.judging").joinpath("refusal_weights.json").read_bytes())
    fitted = fitted._replace(
        names=list(shipped["weights"]),
        weights=np.array(list(shipped["weights"].values())).T,
        bias=np.array(shipped["bias"]),
    )

    for prompt, text, _ in OWN[::20]:
        assert predict(fitted, [features(prompt, text)])[0] == pytest.approx(Refusal().probabilities(prompt, text))


def test_the_shipped_weights_name_the_files_they_were_made_from() -> None:
    if "SAFEDOSE_DATA" not in os.environ:
        pytest.skip("SAFEDOSE_DATA is not set: the human labels of XSTest are not part of the repository")
    folder = Path(os.environ["SAFEDOSE_DATA"]) / "judge_labels/paul-rottger__exaggerated-safety"
    shipped = json.loads(files("safedose.judging").joinpath("refusal_weights.json").read_bytes())

    for model in MODELS:
        file = folder / "automated_evaluation_labels" / f"xstest_v2_completions_{model}_gpteval.csv"
        assert shipped["sha256"][model] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert sum(shipped["labelled"].values()) == 2250
    assert shipped["own"] == dict(sorted(Counter(value for *_, value in OWN).items()))
