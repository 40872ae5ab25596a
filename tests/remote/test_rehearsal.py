"""What would be asked, counted without asking."""

from __future__ import annotations

from pathlib import Path

from remote.asking import PRICES, make_client, request
from safedose.remote.asking import Rehearsal
from safedose.remote.book import Book
from safedose.remote.settings import Endpoint
from safedose.testing import ScriptedEndpoint


def test_what_a_server_bills_beyond_the_reckoning_is_reckoned_for_each_request(tmp_path: Path) -> None:
    with ScriptedEndpoint(usage={"prompt_tokens": 10, "completion_tokens": 2}) as server:
        make_client(server.url, tmp_path, max_spend=100.0, **PRICES).ask([request("a")])
    settings = Endpoint.model_validate({"url": server.url, **PRICES})
    rehearsal = Rehearsal(settings, Book(tmp_path / "requests.sqlite"))
    rehearsal.ask([request("a"), request("b"), request("c")])

    assert (rehearsal.num_held, rehearsal.most_cost) == (1, 2 * 12)


def test_what_is_looked_for_and_held_is_counted_once(tmp_path: Path) -> None:
    with ScriptedEndpoint() as server:
        make_client(server.url, tmp_path).ask([request("a"), request("b")])
    rehearsal = Rehearsal(Endpoint.model_validate({"url": server.url}), Book(tmp_path / "requests.sqlite"))
    rehearsal.held(["a", "b", "c"])
    rehearsal.held(["a"])
    rehearsal.ask([request("b"), request("c")])

    assert (rehearsal.num_held, rehearsal.num_requests) == (2, 1)
