"""Shelves of a book: the same words asked on several occasions, each answered by itself, and who answered them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from remote.asking import make_client, request, requests
from safedose.errors import RunError
from safedose.remote.answering import MOST_NAMES, answered_by
from safedose.remote.asking import Rehearsal
from safedose.remote.book import Book, Change, Intent, Outcome
from safedose.remote.settings import Server
from safedose.testing import ScriptedEndpoint


def test_another_shelf_asks_anew_and_changes_no_byte_that_is_sent(tmp_path: Path) -> None:
    with ScriptedEndpoint() as server:
        for shelf in ("", "one/", "two/", "one/", ""):
            outcomes = make_client(server.url, tmp_path, shelf=shelf).ask(requests(2))
            assert [outcome.problem for outcome in outcomes] == ["", ""]

    sent = [(one.path, json.dumps(one.body), one.key) for one in server.heard]
    assert sorted(sent) == sorted(sent[:2] * 3)


def test_what_comes_for_several_at_once_is_kept_on_the_shelf_it_was_asked_for(tmp_path: Path) -> None:
    both = request("both", split=lambda reply: {"a": dict(reply), "b": dict(reply)})
    with ScriptedEndpoint() as server:
        make_client(server.url, tmp_path, shelf="one/").ask([both])
        held = [set(make_client(server.url, tmp_path, shelf=shelf).held(["a", "b"])) for shelf in ("one/", "")]

    assert held == [{"a", "b"}, set()]


def test_a_rehearsal_counts_what_its_shelf_lacks(tmp_path: Path) -> None:
    with ScriptedEndpoint() as server:
        make_client(server.url, tmp_path, shelf="one/").ask(requests(2))
        rehearsal = Rehearsal(Server(url=server.url), Book(tmp_path / "requests.sqlite"))
    for shelf in ("one/", "two/"):
        rehearsal.shelf = shelf
        rehearsal.ask(requests(3))

    assert (rehearsal.num_held, rehearsal.num_requests) == (2, 1 + 3)
    assert rehearsal.held(["word-0"]) == {}


def test_who_answered_is_counted_by_shelf_in_the_order_of_appearance(tmp_path: Path) -> None:
    book = Book(tmp_path / "book")
    built: dict[str, object] = {"model": "m", "system_fingerprint": "fp_2"}
    replies = [built, {"model": "m"}, built, {"model": ["\ud800"]}, {}]
    for key, reply in [("b/1", {"model": "other"}), *((f"a/{k}", reply) for k, reply in enumerate(replies))]:
        (number,) = book.write([Intent(key, 1.0)])
        book.write([], [Change(number, "answered", 1.0, Outcome(reply))])
    book.write([], [Change(book.write([Intent("a/6", 1.0)])[0], "failed", 1.0, Outcome(None, "broken"))])

    told = [(one.model, one.build, one.num_replies) for one in answered_by(tmp_path / "book", "a/")]
    assert told == [("m", "fp_2", 2), ("m", "", 1), ('["\\ud800"]', "", 1), ("", "", 1)]


def test_a_server_that_is_called_otherwise_each_time_is_told_so_often_and_no_more(tmp_path: Path) -> None:
    book = Book(tmp_path / "book")
    numbers = book.write([Intent(f"a/{k}", 1.0) for k in range(MOST_NAMES + 5)])
    book.write([], [Change(k, "answered", 1.0, Outcome({"model": f"m{k:03}"})) for k in numbers])

    told = answered_by(tmp_path / "book", "a/")
    assert [one.num_replies for one in told] == [*[1] * MOST_NAMES, 5]
    assert (told[0].model, told[-1].model) == (f"m{numbers[0]:03}", "")


def test_where_there_is_no_book_nobody_is_told(tmp_path: Path) -> None:
    assert answered_by(tmp_path / "book", "a/") == ()
    assert not (tmp_path / "book").exists()


def test_a_damaged_book_is_said_to_be_damaged(tmp_path: Path) -> None:
    (tmp_path / "book").write_bytes(b"no book" * 1000)
    with pytest.raises(RunError, match="the book of requests is damaged"):
        answered_by(tmp_path / "book", "a/")
