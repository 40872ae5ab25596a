"""Every fault of a judge's server ends in a state or in the stop that is documented, and nothing is paid for twice.

The numbers are those of the project's list of faults: 34 turned away, 35 transport, 36 refused, 37 replies that are
none, 39 a judge that declines, 41 drift, 44 the key. Money is in tests/test_paying.py, verdicts and attacks (38, 40)
are in test_parsing.py and test_injections.py, kills (42) in test_judge_kills.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from cli_call import Call
from judge_servers import FENCE, judge_by, rating, response, write_settings
from safedose.errors import RunError
from safedose.judgechoice import JudgeChoice
from safedose.judging.catalogue import load_judge
from safedose.judging.rubricfile import load_rubric
from safedose.remote.book import Book
from safedose.serving import Connector
from safedose.testing import ScriptedEndpoint
from tiny_study import write_rows

NUM_CANARIES = len(load_rubric("harmfulness", None).content.canaries)
BAD, GOOD = response("Answer 1."), response("Answer 2.", number=2)


def only_bad(step: str) -> Callable[[dict[str, Any]], str]:
    """Let a step befall whoever asks about the bad answer, always."""
    return lambda body: step if "Answer 1." in str(body) else "answer"


def declines(text: str) -> str:
    return "I'm sorry, but I cannot rate this." if "Answer 1." in text else rating(text)


def rambles(text: str) -> str:
    return "word " * 500 if "Answer 1." in text else rating(text)


@pytest.mark.parametrize(
    "step",
    ["429", "429 0", "429 soon", "429 -5", "429 date", "500", "502", "503", "504", "hang", "slow", "drop", "cut"],
)
def test_34_35_a_fault_that_passes_changes_no_verdict(step: str, tmp_path: Path) -> None:
    first = step.replace("date", formatdate(time.time() + 1, usegmt=True))
    with judge_by(tmp_path, rating, script=[first], timeout=1.0) as (judge, server):
        verdicts = judge.judge([BAD, GOOD])

    assert [verdict.value for verdict in verdicts] == ["harmless", "harmless"]
    assert len(server.heard) == 2 + NUM_CANARIES + 1


def test_34_a_pause_holds_the_whole_key(tmp_path: Path) -> None:
    arrived = []

    def first_is_turned_away(body: dict[str, Any]) -> str:
        arrived.append(time.monotonic())
        return "429 2" if len(arrived) == 1 else "answer"

    with judge_by(tmp_path, rating, script=first_is_turned_away, max_in_flight=3) as (judge, _):
        judge.judge([response(f"Answer {k}.", number=k) for k in range(40)])

    assert [0.5 < moment - arrived[0] < 1.9 for moment in arrived].count(True) == 0
    assert arrived[-1] - arrived[0] > 1.9


def test_34_two_judges_with_one_key_keep_its_limit_together(tmp_path: Path) -> None:
    arrived: list[float] = []

    def note(_: dict[str, Any]) -> str:
        arrived.append(time.monotonic())
        return "answer"

    with ScriptedEndpoint(rating, script=note) as server:
        connector = Connector(lambda: Book(tmp_path / "requests.sqlite"), max_spend=None, seed=1)
        for model, limit in (("base", {"requests_per_minute": 600}), ("other", {})):
            endpoint = {"url": server.url, "model": model, **limit}
            choice = {"judge": "rubric:harmfulness", "name": model, "endpoint": endpoint}
            judge = load_judge(JudgeChoice.model_validate(choice))
            connector.connect(judge)
            judge.judge([GOOD])

    assert arrived[-1] - arrived[0] >= 0.1 * (len(arrived) - 1) - 0.05


@pytest.mark.parametrize(
    ("step", "state"),
    [
        *[(step, "not_run") for step in ("500", "hang", "slow", "drop", "cut")],  # 35, until its attempts are used up
        *[(step, "not_run") for step in ("400", "422")],  # 36
        *[(step, "abstained") for step in ("filter", "filtered", "flagged")],  # 36
        *[(step, "unusable") for step in ("error", "no choices", "not json", "not utf-8", "huge", "tool")],  # 37
    ],
)
def test_35_36_37_what_one_request_meets_is_the_state_of_its_verdict(step: str, state: str, tmp_path: Path) -> None:
    with judge_by(tmp_path, rating, script=only_bad(step), timeout=1.0) as (judge, _):
        bad, good = judge.judge([BAD, GOOD])

    assert (bad.state, bad.value, good.value) == (state, None, "harmless")
    assert bad.reason


@pytest.mark.parametrize("step", ["error", "no choices", "not json", "not utf-8", "huge", "tool"])
def test_37_a_reply_that_cannot_be_read_is_paid_for_once_and_says_why(step: str, tmp_path: Path) -> None:
    for _ in range(2):
        with judge_by(tmp_path, rating, script=only_bad(step), max_attempts=3) as (judge, server):
            bad, _ = judge.judge([BAD, GOOD])
            num_heard = len(server.heard)

    assert (num_heard, bad.state) == (0, "unusable")
    assert (bad.reason or "").partition(": ")[2]


@pytest.mark.parametrize(("answers", "state"), [(declines, "abstained"), (rambles, "unusable")])
def test_37_39_what_a_judge_says_besides_a_verdict_is_a_state(
    answers: Callable[[str], str], state: str, tmp_path: Path
) -> None:
    with judge_by(tmp_path, answers) as (judge, _):
        bad, good = judge.judge([BAD, GOOD])

    assert (bad.state, bad.value, good.value) == (state, None, "harmless")


STOPS = {
    "429 7200": "asks to wait 7200 seconds",  # 34, absurd
    "429": "turned a request away",
    "503": "turned a request away",
    "401": "answered 401",  # 36
    "402": "answered 402",
    "403": "answered 403",
    "404": "answered 404",
    "quota": "answered 429",
    "other model": "answered as 'another'",  # 37
    "redirect": "answered 307",  # 44
}


@pytest.mark.parametrize("step", STOPS)
def test_34_36_37_what_concerns_every_request_stops_and_goes_on_without_paying_twice(step: str, tmp_path: Path) -> None:
    said = [response(f"Answer {k}.", number=k) for k in range(20)]
    with (
        judge_by(tmp_path, rating, script=only_bad(step), max_in_flight=1) as (judge, before),
        pytest.raises(RunError, match=STOPS[step]),
    ):
        judge.judge(said)
    with judge_by(tmp_path, rating) as (judge, after):
        verdicts = judge.judge(said)

    answered = [one.text for server in (before, after) for one in server.heard if "Answer 1." not in one.text]
    assert {verdict.value for verdict in verdicts} == {"harmless"}
    assert len(answered) == len(set(answered)) == 19 + NUM_CANARIES


@pytest.mark.parametrize("url", ["http://nowhere.invalid/v1", "https://127.0.0.1:{port}/v1", "http://127.0.0.1:9/v1"])
def test_35_a_server_that_cannot_be_reached_stops_and_leaves_nothing_judged(url: str, tmp_path: Path) -> None:
    with ScriptedEndpoint(rating) as server:
        address = url.replace("{port}", server.url.split(":")[2].split("/")[0])
        with judge_by(tmp_path, rating, url=address) as (judge, _), pytest.raises(RunError, match="unanswered"):
            judge.judge([BAD, GOOD, response("Answer 3.", number=3)])

    assert (Book(tmp_path / "requests.sqlite").count("failed"), server.heard) == (0, [])


def test_36_a_model_that_takes_no_temperature_is_sent_none(tmp_path: Path) -> None:
    def refuses_it(body: dict[str, Any]) -> str:
        return "400" if "temperature" in body else "answer"

    with judge_by(tmp_path, rating, script=refuses_it, temperature=None) as (judge, _):
        (verdict,) = judge.judge([BAD])

    assert verdict.value == "harmless"


def test_36_another_temperature_is_another_judge(tmp_path: Path) -> None:
    with judge_by(tmp_path, rating) as (greedy, _), judge_by(tmp_path, rating, temperature=None) as (free, _):
        assert greedy.fingerprint != free.fingerprint


def test_37_a_server_may_call_its_model_otherwise_when_that_is_said(tmp_path: Path) -> None:
    with judge_by(tmp_path, rating, script=lambda _: "other model", answers_as="another") as (judge, _):
        assert judge.judge([BAD])[0].value == "harmless"


def test_41_a_judge_that_changes_its_policy_half_way_is_seen_by_the_canaries(tmp_path: Path) -> None:
    num_asked = 0

    def drifting(text: str) -> str:
        nonlocal num_asked
        num_asked += 1
        mark = next(FENCE.finditer(text))["mark"]
        return rating(text) if num_asked <= 64 + NUM_CANARIES else f"verdict {mark}: rating=1"

    with judge_by(tmp_path, drifting, max_in_flight=1) as (judge, _):
        said = [response(f"Answer {k}.", number=k) for k in range(128)]
        verdicts = [*judge.judge(said[:64]), *judge.judge(said[64:])]  # in the parts that a study hands over

    assert [verdict.state for verdict in verdicts].count("value") == 64
    assert {verdict.value for verdict in verdicts if verdict.state == "unusable"} == {None}


def test_44_the_key_is_in_no_file_and_no_message_whatever_the_server_does(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "canary-2f7c91"  # noqa: S105 - it is looked for
    monkeypatch.setenv("SAFEDOSE_TEST_KEY", secret)
    file = write_rows(tmp_path / "answers.jsonl", [{"prompt": "a?", "response": "Answer 1."}])
    said = []
    for step in ("echo", "400", "500", "429 7200", "401", "quota", "404", "redirect", "error", "other model"):
        with ScriptedEndpoint(rating, script=only_bad(step)) as server:
            settings = write_settings(tmp_path, server, api_key_env="SAFEDOSE_TEST_KEY")
            out = tmp_path / f"{step}.jsonl"
            done = call("judge", "--responses", file, "--settings", settings, "--out", out)
        said += [done.out, done.err]
        assert {one.key for one in server.heard} == {secret}

    assert secret not in "".join(said)
    assert [one for one in tmp_path.rglob("*") if one.is_file() and secret.encode() in one.read_bytes()] == []
