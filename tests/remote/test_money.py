"""Money under its cap: with requests side by side, over restarts, and whatever a server says it took."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from remote.asking import PRICES, make_client, request, requests
from safedose.errors import GateError
from safedose.remote.book import Book
from safedose.testing import ScriptedEndpoint


def test_the_cap_is_never_passed_with_requests_side_by_side(tmp_path: Path) -> None:
    with ScriptedEndpoint() as server:
        client = make_client(server.url, tmp_path, max_spend=23.0, **PRICES)
        with pytest.raises(GateError, match=r"of 23 are spent"):
            client.ask(requests(40))

    billed = sum(sum(one.tokens) for one in server.heard)
    assert 23 - 5 < billed <= 23


def test_a_higher_cap_goes_on_with_what_is_left(tmp_path: Path) -> None:
    with ScriptedEndpoint() as server:
        with pytest.raises(GateError):
            make_client(server.url, tmp_path, max_spend=23.0, **PRICES).ask(requests(20))
        outcomes = make_client(server.url, tmp_path, max_spend=100.0, **PRICES).ask(requests(20))

    assert all(outcome.reply for outcome in outcomes)
    assert len(server.heard) == 20


def test_the_cap_holds_across_restarts(tmp_path: Path) -> None:
    with ScriptedEndpoint() as server:
        for _ in range(5):
            with pytest.raises(GateError):
                make_client(server.url, tmp_path, max_spend=11.0, max_in_flight=2, **PRICES).ask(requests(20))

    assert sum(sum(one.tokens) for one in server.heard) <= 11


def test_what_may_have_been_paid_for_in_vain_counts_in_full(tmp_path: Path) -> None:
    with ScriptedEndpoint(script=["drop", "500"]) as server:
        make_client(server.url, tmp_path, max_spend=100.0, **PRICES).ask([request("word")])

    assert Book(tmp_path / "requests.sqlite").spent == 5 + 0 + 2


def test_a_server_that_bills_more_than_was_reckoned_is_not_asked_again_beyond_the_cap(tmp_path: Path) -> None:
    long = " ".join(["word"] * 50)
    with ScriptedEndpoint() as server:
        client = make_client(server.url, tmp_path, max_spend=20.0, max_in_flight=1, **PRICES)
        with pytest.raises(GateError):
            client.ask([request(long), request("word")])

    assert len(server.heard) == 1


def test_a_server_that_bills_more_than_was_reckoned_is_reckoned_with_from_then_on(tmp_path: Path) -> None:
    with ScriptedEndpoint(lambda _: "yes", usage={"prompt_tokens": 10, "completion_tokens": 2}) as server:
        client = make_client(server.url, tmp_path, max_spend=30.0, max_in_flight=1, **PRICES)
        client.ask(requests(2))
        with pytest.raises(GateError, match="the next request may cost 12, and 24 of 30"):
            client.ask([request("word")])

    assert len(server.heard) == 2


@pytest.mark.parametrize("count", [10**400, 10**9, -1, True, 1.0, "7", None])
def test_an_account_that_makes_no_sense_counts_at_the_most(count: object, tmp_path: Path) -> None:
    with ScriptedEndpoint(usage={"prompt_tokens": count, "completion_tokens": 1}) as server:
        client = make_client(server.url, tmp_path, max_spend=100.0, **PRICES)
        (outcome,) = client.ask([request("word")])

    book = Book(tmp_path / "requests.sqlite")
    assert (book.count("answered"), book.spent, book.outcome("word")) == (1, 5.0, outcome)


def test_a_server_that_bills_far_more_passes_the_cap_by_one_request_over_all_starts(tmp_path: Path) -> None:
    usage = {"prompt_tokens": 50, "completion_tokens": 2}
    with ScriptedEndpoint(usage=usage, seconds=0.02) as server:
        for _ in range(4):
            with pytest.raises(GateError):
                make_client(server.url, tmp_path, max_spend=40.0, max_in_flight=8, **PRICES).ask(requests(20))

    assert len(server.heard) == 1


def test_what_a_server_bills_is_known_before_others_are_asked_under_a_cap(tmp_path: Path) -> None:
    with ScriptedEndpoint(seconds=0.02) as server:
        make_client(server.url, tmp_path, max_spend=1000.0, max_in_flight=8, **PRICES).ask(requests(20))
        most_with_cap, server.most_at_once = server.most_at_once, 0
        make_client(server.url, tmp_path, max_in_flight=8).ask(requests(20))

    assert most_with_cap > 1
    assert Book(tmp_path / "requests.sqlite").excess(server.url) == 0


@pytest.mark.parametrize(("usage", "spent"), [({"prompt_tokens": 1}, 1 + 2), ({"completion_tokens": 1}, 3 + 1)])
def test_what_an_account_leaves_out_counts_at_the_most(usage: dict[str, int], spent: int, tmp_path: Path) -> None:
    with ScriptedEndpoint(usage=usage) as server:
        make_client(server.url, tmp_path, max_spend=100.0, **PRICES).ask([request("word")])

    assert Book(tmp_path / "requests.sqlite").spent == spent


def test_a_bill_that_grows_on_the_way_passes_the_cap_by_what_is_under_way_alone(tmp_path: Path) -> None:
    def usage(body: dict[str, Any]) -> dict[str, int]:
        return {"prompt_tokens": 50 if "more" in str(body) else 3, "completion_tokens": 2}

    with ScriptedEndpoint(usage=usage, seconds=0.05) as server:
        client = make_client(server.url, tmp_path, max_spend=120.0, max_in_flight=4, **PRICES)
        client.ask(requests(1))
        with pytest.raises(GateError):
            client.ask([request(f"more-{k}") for k in range(20)])

    assert len(server.heard) == 1 + 4


def test_as_long_as_each_bill_is_larger_one_request_goes_at_a_time(tmp_path: Path) -> None:
    bills = itertools.count(10)
    with ScriptedEndpoint(
        usage=lambda _: {"prompt_tokens": next(bills), "completion_tokens": 2}, seconds=0.02
    ) as server:
        make_client(server.url, tmp_path, max_spend=1000.0, max_in_flight=8, **PRICES).ask(requests(8))

    assert server.most_at_once == 1
