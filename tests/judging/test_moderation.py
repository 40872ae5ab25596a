"""The moderation judge: what is sent, how replies are read, and every fault that ends in a state."""

from __future__ import annotations

import json
import math
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_servers import CRUEL, judge_by, response
from safedose.errors import GateError, InputError, RunError
from safedose.judgechoice import JudgeChoice
from safedose.judging.catalogue import load_judge
from safedose.judging.moderation import TOGETHER, read_result
from safedose.judging.pairs import PairJudge
from safedose.remote.book import Book
from safedose.testing import check_judge

JUDGE = {"judge": "moderation", "model": "omni-moderation-latest"}
MILD = response("The sea is wide.")


def moderated(text: str) -> str:
    """Moderate as an endpoint does; gives the JSON of one result."""
    cruel = any(word in text for word in CRUEL)
    scores = {"hate": 0.83 if cruel else 0.02, "violence": 0.4 if cruel else 0.001, "self-harm/intent": 0.0, "x": 0.01}
    return json.dumps({"flagged": cruel, "categories": {"hate": cruel}, "category_scores": scores})


def result(**changed: Any) -> Callable[[str], str]:
    """Give an endpoint whose every result is changed in something."""
    return lambda text: json.dumps(json.loads(moderated(text)) | changed)


def test_the_moderation_judge_keeps_the_contract(tmp_path: Path) -> None:
    with judge_by(tmp_path, moderated, **JUDGE) as (judge, _):
        check_judge(judge)


def test_what_the_server_flags_is_harmful_and_its_largest_score_the_score(tmp_path: Path) -> None:
    with judge_by(tmp_path, moderated, **JUDGE) as (judge, _):
        mild, cruel = judge.judge([MILD, response("They are vermin.", number=2)])
    assert (mild.value, mild.score, cruel.value, cruel.score) == ("harmless", 0.02, "harmful", 0.83)
    assert cruel.reason == "omni-moderation-latest: hate 0.83, violence 0.4, x 0.01 (all 4: request 6a1e3f7c98a7)"


def test_the_book_keeps_all_scores_under_the_request_that_the_reason_names(tmp_path: Path) -> None:
    """The query is that of docs/judge.md."""
    docs = (Path(__file__).parents[2] / "docs" / "judge.md").read_text(encoding="utf-8")
    (query,) = re.findall(r"SELECT [^\"]+", docs)
    with judge_by(tmp_path, moderated, **JUDGE) as (judge, _):
        _, cruel = judge.judge([MILD, response("They are vermin.", number=2)])
    key = str(cruel.reason).rpartition(" ")[2].rstrip(")")
    with closing(sqlite3.connect(tmp_path / "requests.sqlite")) as book:
        found = book.execute(query.replace("6a1e3f7c98a7", key)).fetchall()
    assert [json.loads(scores) for (scores,) in found] == [json.loads(moderated("They are vermin."))["category_scores"]]


def test_a_threshold_decides_in_place_of_the_flag(tmp_path: Path) -> None:
    with judge_by(tmp_path, result(flagged=None), threshold=0.01, **JUDGE) as (judge, _):
        (verdict,) = judge.judge([MILD])
    assert verdict.value == "harmful"


def test_answers_are_sent_many_at_a_time_and_without_their_prompts(tmp_path: Path) -> None:
    said = [response(f"Answer {k}.", prompt=f"Prompt {k}?", number=k) for k in range(40)]
    with judge_by(tmp_path, moderated, **JUDGE) as (judge, server):
        judge.judge(said)
    assert sorted(len(heard.inputs) for heard in server.heard) == [8, TOGETHER, TOGETHER]
    assert {heard.path for heard in server.heard} == {"/v1/moderations"}
    assert not any("Prompt" in str(heard.body) for heard in server.heard)


def test_order_and_neighbours_change_nothing(tmp_path: Path) -> None:
    said = [response(f"Answer {k}." if k % 3 else f"Suffer {k}, suffer.", number=k) for k in range(70)]
    found, bodies = [], []
    for place, order in enumerate((said, said[::-1])):
        (tmp_path / str(place)).mkdir()
        with judge_by(tmp_path / str(place), moderated, **JUDGE) as (judge, server):
            found.append({verdict.prompt_id: verdict for verdict in judge.judge(order)})
            bodies.append(sorted(str(heard.body) for heard in server.heard))
    assert found[0] == found[1]
    assert bodies[0] == bodies[1]


def test_an_answer_that_the_server_cannot_take_is_no_matter_of_its_neighbours(tmp_path: Path) -> None:
    def script(body: dict[str, Any]) -> str:
        return "400" if any("Answer 3" in text for text in body["input"]) else "answer"

    said = [response(f"Answer {k}.", number=k) for k in range(10)]
    with judge_by(tmp_path, moderated, script=script, **JUDGE) as (judge, _):
        states = [verdict.state for verdict in judge.judge(said)]
    assert states == ["not_run" if k == 3 else "value" for k in range(10)]


def test_a_latest_model_may_answer_as_a_dated_one(tmp_path: Path) -> None:
    with judge_by(tmp_path, moderated, script=lambda _: "dated model", **JUDGE) as (judge, _):
        (verdict,) = judge.judge([MILD])
    assert (verdict.reason or "").startswith("omni-moderation-2024-09-26: ")


def test_another_model_stops_the_judge(tmp_path: Path) -> None:
    with (
        judge_by(tmp_path, moderated, script=["other model"], **JUDGE) as (judge, _),
        pytest.raises(RunError) as said,
    ):
        judge.judge([MILD])
    assert "answered as 'another'" in str(said.value)


@pytest.mark.parametrize(
    "changed",
    [
        {"category_scores": {}}, {"category_scores": None}, {"category_scores": [0.1]}, {"flagged": "false"},
        {"flagged": 0}, {"flagged": None}, {"category_scores": {"hate": math.nan}}, {"category_scores": {"hate": 1.01}},
        {"category_scores": {"hate": -0.1}}, {"category_scores": {"hate": "0.1"}}, {"category_scores": {"hate": True}},
        {"category_scores": {"hate": 0.1, "violence": None}}, {"category_scores": {"hate": math.inf}},
    ],
)  # fmt: skip
def test_a_result_that_is_not_as_agreed_is_unusable(changed: dict[str, Any], tmp_path: Path) -> None:
    with judge_by(tmp_path, result(**changed), **JUDGE) as (judge, _):
        (verdict,) = judge.judge([MILD])
    assert (verdict.state, verdict.value, verdict.score) == ("unusable", None, None)


def test_a_result_that_is_not_as_agreed_is_no_matter_of_its_neighbours(tmp_path: Path) -> None:
    def one_is_odd(text: str) -> str:
        return "{}" if text == "Answer 3." else moderated(text)

    with judge_by(tmp_path, one_is_odd, **JUDGE) as (judge, server):
        verdicts = judge.judge([response(f"Answer {k}.", number=k) for k in range(5)])
    assert [verdict.state for verdict in verdicts] == ["unusable" if k == 3 else "value" for k in range(5)]
    assert len(server.heard) == 1


def test_a_result_too_few_is_unusable_where_it_cannot_be_had_alone(tmp_path: Path) -> None:
    with judge_by(tmp_path, moderated, script=lambda _: "too few", **JUDGE) as (judge, server):
        verdicts = judge.judge([response(f"Answer {k}.", number=k) for k in range(3)])
    assert {verdict.state for verdict in verdicts} == {"unusable"}
    assert [len(heard.inputs) for heard in server.heard] == [3, 1, 1, 1]


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        (["429 0"], "value"), (["429"], "value"), (["500", "502"], "value"), (["503"], "value"), (["drop"], "value"),
        (["cut"], "value"), (["hang"], "value"), (["slow"], "value"), (["400"], "not_run"), (["not json"], "unusable"),
        (["error"], "unusable"), (["huge"], "unusable"), (["not utf-8"], "unusable"), (["no choices"], "unusable"),
    ],
)  # fmt: skip
def test_every_fault_of_a_request_ends_in_a_state(steps: list[str], state: str, tmp_path: Path) -> None:
    more = {**JUDGE, "max_attempts": 4, "timeout": 2.0 if steps[0] in ("hang", "slow") else 60.0}
    with judge_by(tmp_path, moderated, script=steps, **more) as (judge, _):
        (verdict,) = judge.judge([MILD])
    assert (verdict.state, verdict.value) == (state, "harmless" if state == "value" else None)


@pytest.mark.parametrize("step", ["401", "404", "quota", "redirect", "429 100000"])
def test_what_concerns_every_request_stops_the_judge(step: str, tmp_path: Path) -> None:
    with judge_by(tmp_path, moderated, script=lambda _: step, **JUDGE) as (judge, server), pytest.raises(RunError):
        judge.judge([response(f"Answer {k}.", number=k) for k in range(3)])
    assert len(server.heard) == 1


def test_the_key_is_kept_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODERATION_KEY", "sk-canary-0123456789")
    with judge_by(
        tmp_path, moderated, script=["500", "echo"], api_key_env="MODERATION_KEY", max_attempts=3, **JUDGE
    ) as (judge, server):
        (verdict,) = judge.judge([MILD])
    assert server.heard[0].key == "sk-canary-0123456789"
    kept = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert not any(b"sk-canary" in content for content in (*kept, str(verdict).encode()))


def test_the_cap_is_never_passed(tmp_path: Path) -> None:
    prices = {"price_prompt": 1e6, "price_completion": 0.0}
    said = [response(f"Answer {k}.", number=k) for k in range(60)]
    with judge_by(tmp_path, moderated, max_spend=1000.0, **prices, **JUDGE) as (judge, _), pytest.raises(GateError):
        judge.judge(said)
    assert 0 < Book(tmp_path / "requests.sqlite").spent <= 1000


def test_an_endpoint_that_is_free_costs_nothing(tmp_path: Path) -> None:
    prices = {"price_prompt": 0.0, "price_completion": 0.0}
    with judge_by(tmp_path, moderated, max_spend=0.0, **prices, **JUDGE) as (judge, _):
        assert judge.judge([MILD])[0].state == "value"
    assert Book(tmp_path / "requests.sqlite").spent == 0


def test_what_was_moderated_before_a_stop_is_not_asked_again(tmp_path: Path) -> None:
    said = [response(f"Answer {k}.", number=k) for k in range(60)]
    asked = []
    for _ in range(2):
        with judge_by(tmp_path, moderated, **JUDGE) as (judge, server):
            judge.judge(said)
            asked.append(len(server.heard))
    assert asked == [4, 0]


def test_an_answer_is_sent_once_whatever_it_is_asked_with(tmp_path: Path) -> None:
    said = [response(f"Answer {k}.", prompt=f"Prompt {k}?", number=k) for k in range(60)]
    others = [response(one.text, prompt="Another?", number=k) for k, one in enumerate(said)]
    sent: list[str] = []
    for part in (said[:40], said[5:50:3], said[::-1], others):
        with judge_by(tmp_path, moderated, **JUDGE) as (judge, server):
            assert {verdict.value for verdict in judge.judge(part)} == {"harmless"}
            sent += [text for heard in server.heard for text in heard.inputs]
    assert sorted(sent) == sorted(one.text for one in said)


def test_what_was_answered_before_a_stop_is_not_asked_again_in_another_grouping(tmp_path: Path) -> None:
    said = [response(f"Answer {k}.", number=k) for k in range(60)]
    steps = ["answer", "answer", "401"]
    with judge_by(tmp_path, moderated, script=steps, max_in_flight=1, **JUDGE) as (judge, first):
        with pytest.raises(RunError):
            judge.judge(said)
        answered = {text for place, heard in enumerate(first.heard) if place != 2 for text in heard.inputs}
    with judge_by(tmp_path, moderated, **JUDGE) as (judge, second):
        verdicts = judge.judge(said[1::2] + said[::2])
        sent = [text for heard in second.heard for text in heard.inputs]
    assert len(answered) >= 2 * TOGETHER
    assert sorted(sent) == sorted({one.text for one in said} - answered)
    assert {verdict.value for verdict in verdicts} == {"harmless"}


def test_an_answer_that_was_not_answered_for_is_not_asked_about_again(tmp_path: Path) -> None:
    said = [response(f"Answer {k}.", number=k) for k in range(10)]
    found = []
    for part in (said, said[::2]):
        with judge_by(tmp_path, moderated, script=lambda _: "400", **JUDGE) as (judge, server):
            found.append({verdict.state for verdict in judge.judge(part)})
            num_heard = len(server.heard)
    assert (found, num_heard) == ([{"not_run"}, {"not_run"}], 0)


@pytest.mark.parametrize("step", ["answer", "400"])
def test_a_bill_is_not_exceeded(step: str, tmp_path: Path) -> None:
    said = [response(f"Answer {k}, and some more.", number=k) for k in range(20)]
    with judge_by(tmp_path, moderated, script=lambda _: step, **JUDGE) as (judge, server):
        judge.judge(said)
        assert isinstance(judge, PairJudge)
        bill = judge.asks.bill([one.prompt for one in said], answer_tokens=20)
        tokens = sum(heard.tokens[0] for heard in server.heard)
    assert len(server.heard) <= bill.num_requests == 22
    assert tokens <= bill.prompt_tokens


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["flagged", "category_scores", "hate", "x"]), inner, max_size=4),
    ),
)


@given(values)
def test_reading_a_result_is_total_and_its_scores_are_shares(found: Any) -> None:
    read = read_result(found, "m")
    if not isinstance(read, str):
        assert read.by_category
        assert all(0 <= score <= 1 for score in read.by_category.values())
        assert read.flagged is found.get("flagged")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"judge": "moderation"}, "asks an endpoint"),
        ({"judge": "moderation", "model": "smallworld"}, "asks an endpoint"),
        ({"judge": "moderation:hate", "endpoint": {"url": "http://localhost:1/v1", "model": "m"}}, "makes no judge"),
        (
            {"judge": "moderation", "threshold": 1.5, "endpoint": {"url": "http://localhost:1/v1", "model": "m"}},
            "decides nothing",
        ),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        load_judge(JudgeChoice.model_validate(settings))
