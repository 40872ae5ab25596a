"""Judges by id and by dotted path."""

from __future__ import annotations

import pytest

from safedose.errors import InputError
from safedose.judgechoice import JudgeChoice
from safedose.judging.catalogue import caution_of, load_judge
from safedose.judging.exact import Exact
from safedose.judging.phrases import Phrases


def test_an_id_makes_the_judge() -> None:
    assert isinstance(load_judge("phrases"), Phrases)


def test_a_judge_has_the_caution_of_what_it_is_under_its_own_name() -> None:
    paper = JudgeChoice(judge="reward:absolute-harmfulness", name="paper")
    posing = JudgeChoice(judge="rubric:harmfulness", name="harm-lite")

    assert (caution_of(paper) or "").startswith("judge paper: made for mean scores")
    assert caution_of(posing) is None


def test_a_dotted_path_makes_an_outsiders_judge() -> None:
    assert isinstance(load_judge("safedose.judging.exact:Exact"), Exact)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("phrase", "unknown judge 'phrase'; did you mean 'phrases'?"),
        ("zzz", "known are: exact, guard, harm-lite, moderation, oracle, phrases, refusal, reward, rubric"),
        ("no_such_package:Judge", "cannot load 'no_such_package:Judge'"),
        ("safedose.judging.exact:Wrong", "cannot load 'safedose.judging.exact:Wrong'"),
        ("safedose.judging.catalogue:JUDGES", "cannot be called without arguments"),
        ("safedose.judging.catalogue:load_judge", "cannot be called without arguments"),
        ("builtins:dict", "makes an object without axes, fingerprint, id, judge"),
    ],
)
def test_what_makes_no_judge_is_an_input_error(name: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        load_judge(name)

    assert message in str(caught.value)
