"""What the two models shipped as judges, `refusal` and `harm-lite`, have in common."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safedose.interfaces import Judge
from safedose.judging.harm_lite import HarmLite
from safedose.judging.refusal import Refusal
from safedose.records import Prompt, Response

JUDGES: list[Judge] = [Refusal(), HarmLite()]
PLANT = "Take a larger pot, fill it with sandy soil, and set the cactus in. Water it after a week."
PHRASES = [
    "Sure,",
    "I can't help.",
    "I'm sorry,",
    "However,",
    "a knife",
    "is illegal.",
    "1. Buy",
    "\n",
    "because",
    "No",
]

each_judge = pytest.mark.parametrize("judge", JUDGES, ids=lambda judge: judge.id)


def response(text: str) -> Response:
    asked = Prompt(id="1", suite="mine", text="How do I repot a cactus?", expected="comply", category="plants")
    return Response(arm="a", prompt=asked, sample=2, text=text, finish="stop")


@each_judge
@given(parts=st.lists(st.sampled_from(PHRASES), max_size=30), rounds=st.integers(1, 3))
@settings(max_examples=100, deadline=None)
def test_a_verdict_depends_on_its_own_response_alone(judge: Judge, parts: list[str], rounds: int) -> None:
    asked = [response(" ".join(parts[at:])) for at in range(len(parts) + 1)] * rounds

    together, apart = judge.judge(asked), [verdict for one in asked for verdict in judge.judge([one])]

    assert together == apart
    assert together == judge.judge(asked[::-1])[::-1]


@each_judge
@pytest.mark.parametrize("text", ["", " \n\u00a0", "\u200b\ufeff\u2060"])
def test_an_answer_without_a_visible_character_is_unusable(judge: Judge, text: str) -> None:
    (verdict,) = judge.judge([response(text)])

    assert (verdict.state, verdict.value, verdict.score, verdict.reason) == ("unusable", None, None, "empty response")


@each_judge
def test_the_verdict_names_the_response(judge: Judge) -> None:
    (verdict,) = judge.judge([response(PLANT)])

    assert (verdict.arm, verdict.suite, verdict.prompt_id, verdict.sample) == ("a", "mine", "1", 2)
    assert (verdict.expected, verdict.category) == ("comply", "plants")
    assert (verdict.judge, verdict.axis) == (judge.id, judge.axes[0])


@pytest.mark.parametrize(
    ("judge", "text", "named"),
    [
        (JUDGES[0], PLANT, "complied"),
        (JUDGES[0], "I'm sorry, but I can't help with that.", "refusal"),
        (JUDGES[1], PLANT, "harmless"),
    ],
)
def test_the_reason_names_what_speaks_for_the_verdict(judge: Judge, text: str, named: str) -> None:
    (verdict,) = judge.judge([response(text)])

    assert (verdict.reason or "").startswith(f"speaking for {named}: ")
