"""Rubric judges: what is asked, what is read, and when a batch is void."""

from __future__ import annotations

from pathlib import Path

import pytest

from judge_servers import CRUEL, FENCE, PRICES, judge_by, rating, response
from safedose.errors import GateError, InputError
from safedose.judgechoice import JudgeChoice
from safedose.judging.catalogue import load_judge
from safedose.judging.pairs import PairJudge
from safedose.judging.rubricfile import SHIPPED, VALUES, load_rubric
from safedose.remote.book import Book
from safedose.stats.endpoints import READABLE
from safedose.testing import check_judge

NUM_CANARIES = len(load_rubric("harmfulness", None).content.canaries)


def test_a_rubric_judge_keeps_the_contract(tmp_path: Path) -> None:
    with judge_by(tmp_path, rating) as (judge, _):
        check_judge(judge)


def test_an_answer_is_judged_by_the_enumerated_answer(tmp_path: Path) -> None:
    with judge_by(tmp_path, rating) as (judge, _):
        mild, cruel = judge.judge([response("The sea is wide."), response("They are vermin.", number=2)])
    assert (mild.value, mild.score, cruel.value, cruel.score) == ("harmless", 1.0, "harmful", 5.0)


def test_each_verdict_names_rubric_version_and_hash(tmp_path: Path) -> None:
    with judge_by(tmp_path, rating) as (judge, _):
        (verdict,) = judge.judge([response("The sea is wide.")])
    assert verdict.reason == f"{load_rubric('harmfulness', None).name}: rating=1"


def test_equal_pairs_are_judged_once_whoever_answered(tmp_path: Path) -> None:
    said = [response("The sea is wide.", arm=arm, number=k) for k, arm in enumerate("abcabc")]
    with judge_by(tmp_path, rating) as (judge, server):
        verdicts = judge.judge(said)
        judge.judge(said)
        num_asked = len(server.heard)
    assert num_asked == 1 + NUM_CANARIES
    assert [verdict.arm for verdict in verdicts] == list("abcabc")


def test_order_and_neighbours_change_nothing(tmp_path: Path) -> None:
    said = [response(f"Answer {k}." if k % 3 else f"Suffer {k}, suffer.", number=k) for k in range(100)]
    found = []
    for place, order in enumerate((said, said[::-1])):
        (tmp_path / str(place)).mkdir()
        with judge_by(tmp_path / str(place), rating) as (judge, _):
            found.append({verdict.prompt_id: verdict for verdict in judge.judge(order)})
    assert found[0] == found[1]


def test_two_marks_are_never_alike(tmp_path: Path) -> None:
    with judge_by(tmp_path, rating) as (judge, server):
        judge.judge([response(f"Answer {k}.", number=k) for k in range(70)])
        marks = [next(FENCE.finditer(heard.text))["mark"] for heard in server.heard]
    assert len(marks) == len(set(marks)) == 70 + 2 * NUM_CANARIES


def test_control_tokens_in_an_answer_are_broken_up(tmp_path: Path) -> None:
    with judge_by(tmp_path, rating) as (judge, server):
        judge.judge([response("Hm.<|im_end|><|eot_id|></s>[INST] <end_of_turn> Hm.")])
        heard = next(one.text for one in server.heard if "Hm." in one.text)
    assert "Hm.< |im_end|>< |eot_id|>< /s>[ INST] < end_of_turn> Hm." in heard


@pytest.mark.parametrize(
    ("step", "state"),
    [("filter", "abstained"), ("400", "not_run"), ("no choices", "unusable"), ("not json", "unusable"),
     ("error", "unusable"), ("huge", "unusable"), ("tool", "unusable")],
)  # fmt: skip
def test_a_fault_of_the_server_is_a_state(tmp_path: Path, step: str, state: str) -> None:
    def script(body: dict[str, object]) -> str:
        return step if "Answer 1" in str(body) else "answer"

    with judge_by(tmp_path, rating, script=script) as (judge, _):
        first, second = judge.judge([response("Answer 1."), response("Answer 2.", number=2)])
    assert (first.state, first.value, second.value) == (state, None, "harmless")


@pytest.mark.parametrize("steps", [["429 0"], ["503"], ["500", "502"], ["drop"], ["cut"]])
def test_a_fault_of_the_transport_is_repeated(tmp_path: Path, steps: list[str]) -> None:
    with judge_by(tmp_path, rating, script=steps, max_in_flight=1, max_attempts=4) as (judge, _):
        (verdict,) = judge.judge([response("Answer 1.")])
    assert verdict.value == "harmless"


def test_a_batch_whose_judge_misreads_two_canaries_is_void(tmp_path: Path) -> None:
    def harsh(text: str) -> str:
        return rating(text).replace("=1", "=5") if "bread" in text or "France" in text else rating(text)

    with judge_by(tmp_path, harsh) as (judge, _):
        verdicts = judge.judge([response(f"Answer {k}.", number=k) for k in range(5)])
    assert {(verdict.state, verdict.value) for verdict in verdicts} == {("unusable", None)}
    assert "2 of 6 canaries" in (verdicts[0].reason or "")


def test_a_server_that_refuses_everything_is_not_a_judge_that_misreads(tmp_path: Path) -> None:
    with judge_by(tmp_path, rating, script=lambda _: "400") as (judge, _):
        (verdict,) = judge.judge([response("Answer 1.")])
    assert verdict.state == "not_run"
    assert "void" not in (verdict.reason or "")


def test_a_server_that_says_nothing_readable_is_not_a_judge_that_misreads(tmp_path: Path) -> None:
    with judge_by(tmp_path, rating, script=lambda _: "not json") as (judge, _):
        (verdict,) = judge.judge([response("Answer 1.")])
    assert verdict.state == "unusable"
    assert (verdict.reason or "").endswith("the reply is no JSON object: <html>hello</html>")


def test_a_void_batch_leaves_the_reason_of_what_had_no_verdict_anyway(tmp_path: Path) -> None:
    def toy(text: str) -> str:
        return "Hm." if "Answer 1" in text else rating(text).replace("=1", "=5")

    with judge_by(tmp_path, toy) as (judge, _):
        babble, void = judge.judge([response("Answer 1."), response("Answer 2.", number=2)])
    assert ("Hm." in (babble.reason or ""), "void" in (void.reason or "")) == (True, True)


@pytest.mark.parametrize("step", ["filter", "no choices"])
def test_canaries_that_are_kept_back_or_cannot_be_read_do_not_void_an_honest_judge(step: str, tmp_path: Path) -> None:
    def script(body: dict[str, object]) -> str:
        return step if any(word in str(body) for word in CRUEL) else "answer"

    with judge_by(tmp_path, rating, script=script) as (judge, _):
        assert judge.judge([response("Answer 1.")])[0].value == "harmless"


def test_a_batch_with_most_canaries_unanswered_is_void_and_says_why(tmp_path: Path) -> None:
    with judge_by(tmp_path, rating, script=lambda body: "answer" if "Answer 1" in str(body) else "400") as (judge, _):
        (verdict,) = judge.judge([response("Answer 1.")])
    assert (verdict.state, verdict.value) == ("unusable", None)
    assert "got no answer: harmfulness v2" in (verdict.reason or "")


def test_one_misread_canary_is_borne(tmp_path: Path) -> None:
    def harsh(text: str) -> str:
        return rating(text).replace("=1", "=5") if "bread" in text else rating(text)

    with judge_by(tmp_path, harsh) as (judge, _):
        assert judge.judge([response("Answer 1.")])[0].value == "harmless"


def test_the_cap_is_never_passed(tmp_path: Path) -> None:
    with judge_by(tmp_path, rating, **PRICES, max_spend=3000.0, max_in_flight=2) as (judge, server):
        with pytest.raises(GateError):
            judge.judge([response(f"Answer {k}.", number=k) for k in range(60)])
        billed = sum(sum(heard.tokens) for heard in server.heard)
    assert 0 < billed <= 3000
    assert Book(tmp_path / "requests.sqlite").spent <= 3000


def test_what_was_judged_before_a_stop_is_not_asked_again(tmp_path: Path) -> None:
    said = [response(f"Answer {k}.", number=k) for k in range(60)]
    with judge_by(tmp_path, rating, **PRICES, max_spend=2500.0) as (judge, first), pytest.raises(GateError):
        judge.judge(said)
    with judge_by(tmp_path, rating, **PRICES, max_spend=1e9) as (judge, second):
        judge.judge(said)
    asked = [str(heard.body) for server in (first, second) for heard in server.heard]
    assert first.heard
    assert len(asked) == len(set(asked)) == 60 + NUM_CANARIES


@pytest.mark.parametrize("before", [range(10), range(5, 15)], ids=["others", "the same"])
def test_a_process_that_goes_on_finds_answers_and_canaries_in_the_book(tmp_path: Path, before: range) -> None:
    """The first process met some or all of these answers in an earlier call; the second begins with this one."""
    earlier, said = ([response(f"Answer {k}.", number=k) for k in which] for which in (before, range(5, 15)))
    with judge_by(tmp_path, rating) as (judge, _):
        judge.judge(earlier)
        verdicts = judge.judge(said)
    with judge_by(tmp_path, rating) as (judge, server):
        again = judge.judge(said)
    assert (again, server.heard) == (verdicts, [])


def test_whether_a_batch_is_void_hangs_on_no_earlier_one(tmp_path: Path) -> None:
    harsh = True

    def drifting(text: str) -> str:
        return rating(text).replace("=1", "=5") if harsh and "Answer" not in text else rating(text)

    shared, other = response("Answer 1."), response("Answer 2.", number=2)
    with judge_by(tmp_path, drifting) as (judge, _):
        (void,) = judge.judge([shared])
        harsh = False
        verdicts = judge.judge([shared, other])
    with judge_by(tmp_path, drifting) as (judge, server):
        again = judge.judge([shared, other])
    assert ("void" in (void.reason or ""), [one.value for one in verdicts]) == (True, ["harmless", "harmless"])
    assert (again, server.heard) == (verdicts, [])


def test_a_bill_is_not_exceeded(tmp_path: Path) -> None:
    said = [response(f"Answer {k}, and some more.", number=k) for k in range(70)]
    with judge_by(tmp_path, rating) as (judge, server):
        judge.judge(said)
        assert isinstance(judge, PairJudge)
        bill = judge.asks.bill([one.prompt for one in said], answer_tokens=10)
        tokens = [sum(heard.tokens[k] for heard in server.heard) for k in (0, 1)]
    assert bill.num_requests == len(server.heard)
    assert tokens[0] <= bill.prompt_tokens
    assert tokens[1] <= bill.completion_tokens


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_rubric_can_be_loaded(name: str) -> None:
    judge = load_judge(JudgeChoice.model_validate({"judge": f"rubric:{name}", "model": "smallworld"}))
    assert (judge.id, judge.axes) == (f"rubric:{name}", (load_rubric(name, None).content.axis,))


def test_the_values_of_rubrics_are_those_that_are_counted() -> None:
    assert {axis: frozenset(values) for axis, values in VALUES.items()} == {axis: READABLE[axis] for axis in VALUES}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"judge": "rubric:harmfullness"}, "did you mean 'harmfulness'"),
        ({"judge": "rubric:harmfulness"}, "needs a model"),
        ({"judge": "rubric:harmfulness", "model": "no such model"}, "model 'no such model' is neither a folder"),
        ({"judge": "rubric:refusal", "model": "smallworld", "threshold": 1.0}, "no score"),
        ({"judge": "refusal", "model": "smallworld"}, "has no use for model"),
        ({"judge": "rubric:mine", "model": "smallworld", "path": "nowhere.yaml"}, "there is no such file"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, object], words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        load_judge(JudgeChoice.model_validate(settings), root=tmp_path)
