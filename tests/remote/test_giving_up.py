"""Requests that get no answer: the server is down, or it stumbles over these alone."""

from __future__ import annotations

import gc
import socket
import socketserver
import threading
import warnings
from pathlib import Path

import pytest

from remote.asking import PRICES, make_client, request, requests
from safedose.errors import RunError
from safedose.remote.book import Book
from safedose.testing import ScriptedEndpoint


def test_a_server_that_is_down_stops_the_round_and_records_no_failure(tmp_path: Path) -> None:
    with ScriptedEndpoint() as server:
        url = server.url
    with pytest.raises(RunError, match="in a row unanswered"):
        make_client(url, tmp_path).ask(requests(5))

    assert Book(tmp_path / "requests.sqlite").count("failed") == 0


def test_a_request_given_up_is_asked_again_by_the_next_client_and_not_by_this_one(tmp_path: Path) -> None:
    with ScriptedEndpoint(script=["drop"] * 3) as server:
        client = make_client(server.url, tmp_path)
        first, again = client.ask([request("word")]), client.ask([request("word")])
        num_heard = len(server.heard)
        (later,) = make_client(server.url, tmp_path).ask([request("word")])

    assert "no answer in 3 attempts" in first[0].problem
    assert (again, num_heard) == (first, 3)
    assert later.reply


@pytest.mark.parametrize("step", ["500", "hang"])
def test_requests_that_always_fail_do_not_stop_the_others_now_or_later(step: str, tmp_path: Path) -> None:
    asked = [*requests(4), *(request(f"bad-{k}") for k in range(4)), *requests(9)]
    with ScriptedEndpoint(script=lambda body: step if "bad" in body["messages"][-1]["content"] else "answer") as server:
        found = [make_client(server.url, tmp_path, timeout=0.3, max_attempts=1).ask(asked) for _ in range(2)]

    due = [True] * 4 + [False] * 4 + [True] * 9
    assert [[bool(outcome.reply) for outcome in outcomes] for outcomes in found] == [due, due]
    assert [one.text for one in server.heard].count("word-0") == 1


def test_a_single_request_without_answer_stops_where_the_server_is_down(tmp_path: Path) -> None:
    with ScriptedEndpoint() as server:
        url = server.url
    with pytest.raises(RunError, match="gave no answer"):
        make_client(url, tmp_path).ask([request("word")])

    assert Book(tmp_path / "requests.sqlite").outcome("word") is None


def test_requests_without_answer_one_after_the_other_are_given_up_where_the_server_is_up(tmp_path: Path) -> None:
    with ScriptedEndpoint(script=lambda _: "500", models=None) as server:
        client = make_client(server.url, tmp_path)
        found = [client.ask([request(name)])[0].problem[:9] for name in "abcd"]

    assert found == ["no answer"] * 4


def test_a_handshake_that_hangs_costs_nothing_and_leaves_no_connection_open(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/v1"
        with pytest.raises(RunError, match="no connection"):
            make_client(url, tmp_path, timeout=0.3, max_attempts=2, **PRICES).ask([request("word")])
        gc.collect()

    assert [str(one.message) for one in told] == []
    assert Book(tmp_path / "requests.sqlite").spent == 0


def test_one_asks_whether_the_server_is_up_for_all_that_are_given_up(tmp_path: Path) -> None:
    visits: list[object] = []
    with socketserver.TCPServer(("127.0.0.1", 0), lambda *visit: visits.append(visit)) as mute:  # hangs up at once
        threading.Thread(target=mute.serve_forever, args=(0.01,), daemon=True).start()
        with pytest.raises(RunError, match="in a row unanswered"):
            make_client(f"http://127.0.0.1:{mute.server_address[1]}/v1", tmp_path, max_attempts=1).ask(requests(8))
        mute.shutdown()

    assert len(visits) == 8 + 1
