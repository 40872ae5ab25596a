"""One client for every server: each fault ends in a legal state, nothing is sent twice that was answered."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from remote.asking import PRICES, make_client, once, request, requests
from safedose.errors import InputError, RunError
from safedose.remote.book import Book
from safedose.testing import STEPS, ScriptedEndpoint

FATAL = ("redirect", "quota", "401", "404", "other model")
FINAL = ("filtered", "flagged", "huge", "not json", "not utf-8", "error", "400")
REPEATED = ("slow", "hang", "drop", "cut", "500")
UNSCRIPTED = ("408", "409", "425", "502", "504", "520", "522", "524", "599")
BUSY = ("429", "503", "529")
REPLIES = (
    "answer", "refusal", "no choices", "filter", "think", "tool", "echo", "dated model", "other build", "too few",
)  # fmt: skip


def test_every_step_of_the_scripted_server_is_expected_here() -> None:
    assert {*FATAL, *FINAL, *REPEATED, *BUSY, *REPLIES} == {*STEPS, "529"}


@pytest.mark.parametrize("step", FINAL)
def test_what_repeating_cannot_mend_is_sent_once_and_recorded(step: str, tmp_path: Path) -> None:
    with ScriptedEndpoint(script=once(step, of="bad")) as server:
        outcomes = make_client(server.url, tmp_path).ask([request("good"), request("bad")])

    assert [bool(outcome.problem) for outcome in outcomes] == [False, True]
    assert len(server.heard) == 2


@pytest.mark.parametrize("step", [*REPEATED, *UNSCRIPTED])
def test_a_transport_fault_is_repeated_so_often_and_then_recorded(step: str, tmp_path: Path) -> None:
    with ScriptedEndpoint(script=once(step, of="bad")) as server:
        client = make_client(server.url, tmp_path, timeout=0.3)
        good, bad = client.ask([request("good"), request("bad")])

    assert (good.problem, bad.reply) == ("", None)
    assert [one.text for one in server.heard].count("bad") == 3


@pytest.mark.parametrize("step", [*REPEATED, *UNSCRIPTED, *BUSY])
def test_a_fault_that_passes_is_forgotten(step: str, tmp_path: Path) -> None:
    with ScriptedEndpoint(script=[step]) as server:
        (outcome,) = make_client(server.url, tmp_path, timeout=0.3).ask([request("word")])

    assert outcome.reply
    assert len(server.heard) == 2


@pytest.mark.parametrize("step", FATAL)
def test_what_concerns_every_request_stops_at_once(step: str, tmp_path: Path) -> None:
    with ScriptedEndpoint(script=once(step, of="bad")) as server, pytest.raises(RunError):
        make_client(server.url, tmp_path).ask([request("bad", serves="base")])

    assert len(server.heard) == 1


@pytest.mark.parametrize("step", BUSY)
def test_a_server_too_busy_for_anybody_stops_the_round(step: str, tmp_path: Path) -> None:
    with ScriptedEndpoint(script=lambda _: step) as server, pytest.raises(RunError, match="turned a request away"):
        make_client(server.url, tmp_path).ask([request("word")])

    assert len(server.heard) == 3


@pytest.mark.parametrize("step", [*FATAL, *BUSY])
def test_after_such_a_stop_the_request_is_sent_again(step: str, tmp_path: Path) -> None:
    with ScriptedEndpoint(script=[step] * 3) as server, pytest.raises(RunError):
        make_client(server.url, tmp_path).ask([request("word", serves="base")])
    with ScriptedEndpoint() as server:
        (outcome,) = make_client(server.url, tmp_path).ask([request("word", serves="base")])

    assert outcome.reply


@pytest.mark.parametrize("step", ["answer", *FINAL])
def test_what_has_an_outcome_is_never_sent_again(step: str, tmp_path: Path) -> None:
    with ScriptedEndpoint(script=[step]) as server:
        first = make_client(server.url, tmp_path).ask([request("word")])
        again = make_client(server.url, tmp_path).ask([request("word")])

    assert first == again
    assert len(server.heard) == 1


@pytest.mark.parametrize("step", FINAL)
def test_a_reply_that_cannot_be_read_is_told_from_a_request_that_was_refused(step: str, tmp_path: Path) -> None:
    with ScriptedEndpoint(script=[step]) as server:
        (outcome,) = make_client(server.url, tmp_path).ask([request("word")])
    (again,) = make_client(server.url, tmp_path).held(["word"]).values()

    assert (outcome.lack, again) == (
        {"400": "failed", "filtered": "withheld", "flagged": "withheld"}.get(step, "unreadable"),
        outcome,
    )


@pytest.mark.parametrize("status", ["500", "503"])
def test_a_long_story_about_a_fault_that_passes_is_still_such_a_fault(status: str, tmp_path: Path) -> None:
    with ScriptedEndpoint(script=[f"{status} huge"]) as server:
        (outcome,) = make_client(server.url, tmp_path).ask([request("word")])

    assert outcome.reply
    assert len(server.heard) == 2


def test_what_the_book_holds_is_given_without_asking(tmp_path: Path) -> None:
    with ScriptedEndpoint() as server:
        client = make_client(server.url, tmp_path)
        (outcome,) = client.ask([request("word")])
        held = client.held(["other", "word"])

    assert held == {"word": outcome}
    assert len(server.heard) == 1


def in_two(reply: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Give a reply to two words, half of it to each."""
    return {name: {**reply, "half": name} for name in ("one", "other")}


def test_a_reply_to_several_is_kept_for_each_of_them(tmp_path: Path) -> None:
    with ScriptedEndpoint() as server:
        client = make_client(server.url, tmp_path, **PRICES)
        (whole,) = client.ask([request("both", split=in_two)])
        parts = client.ask([request("other"), request("one")])
        spent = Book(tmp_path / "requests.sqlite").spent

    assert [outcome.reply for outcome in parts] == [{**(whole.reply or {}), "half": name} for name in ("other", "one")]
    assert len(server.heard) == 1
    assert spent == sum(server.heard[0].tokens)


def test_a_reply_that_does_not_say_who_is_meant_is_kept_whole(tmp_path: Path) -> None:
    with ScriptedEndpoint() as server:
        client = make_client(server.url, tmp_path)
        (outcome,) = client.ask([request("both", split=lambda _: {})])

    assert client.held(["both", "one"]) == {"both": outcome}


def test_one_key_is_sent_once_however_often_it_is_asked(tmp_path: Path) -> None:
    with ScriptedEndpoint() as server:
        outcomes = make_client(server.url, tmp_path).ask([request("word"), request("other"), request("word")])

    assert len(server.heard) == 2
    assert outcomes[0] == outcomes[2] != outcomes[1]


def test_answers_come_in_the_order_of_the_requests(tmp_path: Path) -> None:
    with ScriptedEndpoint() as server:
        outcomes = make_client(server.url, tmp_path).ask(requests(20))

    said = [outcome.reply["choices"][0]["message"]["content"] for outcome in outcomes]
    assert said == [f"WORD-{k}" for k in range(20)]


def test_a_pause_the_server_asks_for_holds_all_requests(tmp_path: Path) -> None:
    with ScriptedEndpoint(script=["429 1"]) as server:
        began = time.monotonic()
        make_client(server.url, tmp_path, max_in_flight=1).ask(requests(3))

    assert time.monotonic() - began >= 1


def test_a_pause_of_hours_is_not_waited_for(tmp_path: Path) -> None:
    with ScriptedEndpoint(script=["429 7200"]) as server, pytest.raises(RunError, match="asks to wait 7200 seconds"):
        make_client(server.url, tmp_path).ask([request("word")])


@pytest.mark.parametrize("header", ["soon", "-5", "nan", "Wed, 21 Oct 2015 07:28:00 GMT", "1e400"])
def test_a_pause_that_makes_no_sense_is_none(header: str, tmp_path: Path) -> None:
    with ScriptedEndpoint(script=[f"429 {header}"]) as server:
        (outcome,) = make_client(server.url, tmp_path).ask([request("word")])

    assert outcome.reply


def test_no_more_requests_are_under_way_than_allowed(tmp_path: Path) -> None:
    with ScriptedEndpoint(seconds=0.02) as server:
        make_client(server.url, tmp_path, max_in_flight=3).ask(requests(12))

    assert server.most_at_once == 3


def test_requests_keep_to_their_number_a_minute(tmp_path: Path) -> None:
    with ScriptedEndpoint() as server:
        began = time.monotonic()
        make_client(server.url, tmp_path, requests_per_minute=600).ask(requests(6))

    assert time.monotonic() - began >= 0.5


def test_tokens_keep_to_their_number_a_minute(tmp_path: Path) -> None:
    with ScriptedEndpoint() as server:
        began = time.monotonic()
        make_client(server.url, tmp_path, tokens_per_minute=600, max_in_flight=1).ask(requests(4))

    assert time.monotonic() - began >= 3 * 2 / 10  # each turned out to take two tokens


def test_models_are_listed(tmp_path: Path) -> None:
    with ScriptedEndpoint(models=["a", "b"]) as server:
        assert make_client(server.url, tmp_path).models() == {"a", "b"}


def test_a_server_without_a_list_has_none(tmp_path: Path) -> None:
    with ScriptedEndpoint(models=None) as server:
        assert make_client(server.url, tmp_path).models() is None


def test_an_order_that_is_refused_says_so(tmp_path: Path) -> None:
    with ScriptedEndpoint() as server:
        assert "404" in make_client(server.url, tmp_path).call("load_lora_adapter", {"lora_name": "a"})


def test_a_key_that_is_not_set_is_named_before_anything_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SAFEDOSE_TEST_KEY", raising=False)
    with pytest.raises(InputError, match="SAFEDOSE_TEST_KEY holds no key"):
        make_client("http://127.0.0.1:9/v1", tmp_path, api_key_env="SAFEDOSE_TEST_KEY")


def test_a_key_travels_in_its_header_and_stays_on_no_disk_and_in_no_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "canary-2f7c"  # noqa: S105 - it is looked for
    monkeypatch.setenv("SAFEDOSE_TEST_KEY", secret)
    messages = []
    for step in ("400", "500", "503", "401", "quota", "404", "redirect", "echo"):
        with ScriptedEndpoint(script=[step] * 3) as server:
            client = make_client(server.url, tmp_path, api_key_env="SAFEDOSE_TEST_KEY")
            try:
                messages += [str(outcome) for outcome in client.ask([request(step)])]
            except RunError as error:
                messages.append(str(error))

    assert server.heard[0].key == secret
    assert [message.count("[key]") > 0 for message in messages] == [True] * 8
    written = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert secret not in "".join(messages)
    assert secret.encode() not in written


def test_a_reply_too_deep_to_walk_through_is_none(tmp_path: Path) -> None:
    deep: object = 1
    for _ in range(500):
        deep = [deep]
    with ScriptedEndpoint(usage={"deep": deep}) as server:
        (outcome,) = make_client(server.url, tmp_path).ask([request("word")])

    assert "no JSON object" in outcome.problem


def test_a_placeholder_for_a_key_is_left_in_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFEDOSE_TEST_KEY", "EMPTY")
    with ScriptedEndpoint() as server:
        (outcome,) = make_client(server.url, tmp_path, api_key_env="SAFEDOSE_TEST_KEY").ask([request("empty")])

    assert outcome.reply["choices"][0]["message"]["content"] == "EMPTY"
