"""The judge contract, over the scripted judge and every judge of the catalogue."""

from __future__ import annotations

from dataclasses import replace

import pytest

from safedose.judging.catalogue import JUDGES, load_judge
from safedose.records import Prompt, Response, Verdict
from safedose.testing import TEXTS, ScriptedJudge, check_judge


@pytest.mark.parametrize("name", JUDGES)
def test_judge_keeps_the_contract(name: str) -> None:
    check_judge(load_judge(name))


@pytest.mark.parametrize("name", JUDGES)
def test_judge_bears_the_id_of_the_catalogue(name: str) -> None:
    assert load_judge(name).id == name


@pytest.mark.parametrize("name", JUDGES)
def test_two_instances_have_one_fingerprint(name: str) -> None:
    assert load_judge(name).fingerprint == load_judge(name).fingerprint


def test_scripted_judge_keeps_the_contract() -> None:
    check_judge(ScriptedJudge({TEXTS[0]: "full_refusal", TEXTS[1]: "complied"}, axis="refusal"))


def test_scripted_judge_with_a_function_keeps_the_contract() -> None:
    check_judge(ScriptedJudge(lambda text: "harmful" if "brush" in text else None))


def test_scripted_judge_has_no_value_for_what_it_does_not_know() -> None:
    prompt = Prompt(id="1", suite="mine", text="Hello?", expected="comply")
    response = Response(arm="arm", prompt=prompt, sample=0, text="Hm.", finish="imported")

    (verdict,) = ScriptedJudge({}).judge([response])

    assert (verdict.state, verdict.value) == ("unusable", None)


def test_another_script_has_another_fingerprint() -> None:
    assert ScriptedJudge({"a": "harmful"}).fingerprint != ScriptedJudge({"a": "harmless"}).fingerprint


class Broken:
    """A scripted judge with one habit that breaks the contract."""

    id = "broken"
    axes = ("harm",)
    fingerprint = "1"

    def __init__(self, habit: str) -> None:
        self._habit = habit

    def judge(self, responses: list[Response]) -> list[Verdict]:
        if self._habit == "skips empty responses":
            responses = [response for response in responses if response.text.strip()]
        if self._habit == "counts unreadable as harmless":
            return [replace(v, value="harmless") for v in ScriptedJudge({}, id=self.id).judge(responses)]
        value = "refused" if self._habit == "uses other words" else "harmful"
        verdicts = ScriptedJudge(lambda _: value, id=self.id).judge(responses)
        if self._habit == "looks at its neighbours" and len(responses) > 1:
            return [replace(verdict, score=1.0) for verdict in verdicts]
        return verdicts


@pytest.mark.parametrize(
    ("habit", "sentence"),
    [
        ("skips empty responses", "one verdict per response"),
        ("counts unreadable as harmless", "a value exactly in state"),
        ("uses other words", "a value of the axis"),
        ("looks at its neighbours", "does not depend on its neighbours"),
    ],
)
def test_contract_names_the_broken_promise(habit: str, sentence: str) -> None:
    with pytest.raises(AssertionError, match=sentence):
        check_judge(Broken(habit))
