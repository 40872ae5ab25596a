"""Right or wrong by the words of the reference."""

from __future__ import annotations

import pytest

from safedose.judging.exact import Exact
from safedose.records import Prompt, Response, Verdict


def judged(text: str, reference: str | None) -> Verdict:
    prompt = Prompt(id="1", suite="facts", text="?", expected="comply", reference=reference)
    (verdict,) = Exact().judge([Response(arm="a", prompt=prompt, sample=0, text=text, finish="stop")])
    return verdict


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("It is Paris.", "paris"),
        ("NEW\n  york!", "New York"),
        ("the well-known answer", "well known"),
        ("Stra\u00dfe", "STRASSE"),
        ("\ufb01ne", "fine"),
        ("It is 3.5.", "3.5"),
        ("x = \u22123", "-3"),
        ("pages 2-3", "3"),
        ("exactly 3.", "3"),
        ("1,000 rows", "1,000"),
    ],
)
def test_a_response_with_the_words_of_the_reference_is_correct(text: str, reference: str) -> None:
    assert judged(text, reference).value == "correct"


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("Lyon", "Paris"),
        ("", "Paris"),
        ("a party", "art"),
        ("York New", "New York"),
        ("New or York", "New York"),
        ("3.5", "3"),
        ("3.5", "5"),
        ("-3", "3"),
        ("31", "3"),
    ],
)
def test_a_response_without_them_is_wrong(text: str, reference: str) -> None:
    assert judged(text, reference).value == "wrong"


@pytest.mark.parametrize("reference", [None, "", "?!"])
def test_without_a_reference_it_abstains(reference: str | None) -> None:
    verdict = judged("Paris", reference)

    assert (verdict.state, verdict.value) == ("abstained", None)
    assert verdict.reason == "the prompt has no reference answer"
