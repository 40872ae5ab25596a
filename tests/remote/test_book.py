"""The book of requests: on the disk before a request leaves, true after any stop."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from remote.asking import PRICES, make_client, requests
from safedose.errors import RunError
from safedose.remote.book import Book, Change, Intent, Outcome, find_damage
from safedose.store.writer import writing
from safedose.testing import ScriptedEndpoint

IN_FLIGHT = 3


def test_a_request_counts_at_its_most_until_it_is_settled(tmp_path: Path) -> None:
    book = Book(tmp_path / "book")
    (number,) = book.write([Intent("a", 5.0)])
    before = book.spent
    book.write([], [Change(number, "answered", 2.0, Outcome({"text": "A"}))])

    assert (before, book.spent) == (5.0, 2.0)
    assert book.outcome("a") == Outcome({"text": "A"})


def test_what_was_on_its_way_when_a_process_ended_is_lost_and_counts_in_full(tmp_path: Path) -> None:
    Book(tmp_path / "book").write([Intent("a", 5.0)])

    book = Book(tmp_path / "book")
    assert (book.count("lost"), book.spent, book.outcome("a")) == (1, 5.0, None)


def test_what_came_for_several_keys_is_on_the_disk_at_once_and_paid_once(tmp_path: Path) -> None:
    book = Book(tmp_path / "book")
    (number,) = book.write([Intent("both", 5.0)])
    parts = [(key, Outcome({"text": key})) for key in ("a", "b")]
    book.write([], [Change(number, "split", 2.0, parts=parts)])

    assert [(key, book.outcome(key)) for key in ("a", "b")] == parts
    assert (book.outcome("both"), Book(tmp_path / "book").spent) == (None, 2.0)


def test_two_clients_of_one_book_see_what_the_other_spends(tmp_path: Path) -> None:
    one, other = Book(tmp_path / "book"), Book(tmp_path / "book")
    one.write([Intent("a", 5.0)])
    other.write([Intent("b", 2.0)])

    assert one.spent == other.spent == 7.0


def test_a_writer_who_was_replaced_sends_nothing(tmp_path: Path) -> None:
    with writing(tmp_path, "first") as writer:
        book = Book(tmp_path / "book", writer=writer)
        with sqlite3.connect(tmp_path / "ledger.sqlite") as ledger:
            ledger.execute("INSERT INTO entries VALUES (2, 2, 0, 'opened', '', '{}', 'x')")
        with pytest.raises(RunError, match="took this study over"):
            book.write([Intent("a", 1.0)])

    assert book.count("sent") == 0


def flip(file: Path, before: bytes, after: bytes) -> None:
    content = file.read_bytes()
    assert before in content
    file.write_bytes(content.replace(before, after))


def test_a_reply_that_was_damaged_is_asked_for_again(tmp_path: Path) -> None:
    with ScriptedEndpoint() as server:
        make_client(server.url, tmp_path).ask(requests(2))
        flip(tmp_path / "requests.sqlite", b"WORD-1", b"WORD-7")
        problem = find_damage(tmp_path / "requests.sqlite")
        outcomes = make_client(server.url, tmp_path).ask(requests(2))

    assert "1 rows that are not what was written" in problem
    assert len(server.heard) == 3
    assert outcomes[1].reply["choices"][0]["message"]["content"] == "WORD-1"


def test_a_book_that_cannot_be_read_stops_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "requests.sqlite").write_bytes(b"no database at all" * 100)

    with pytest.raises(RunError, match=r"what was spent cannot be read(.|\n)*lower budget.max_spend"):
        Book(tmp_path / "requests.sqlite")
    assert "cannot be read" in find_damage(tmp_path / "requests.sqlite")


@pytest.mark.parametrize("num_answered", [0, 4, 7])
def test_a_kill_repeats_at_most_the_requests_under_way(num_answered: int, tmp_path: Path) -> None:
    steps = iter(["answer"] * num_answered + ["hang"] * IN_FLIGHT)
    with ScriptedEndpoint(script=lambda _: next(steps, "answer")) as server:
        _start_and_kill(server, tmp_path, after=num_answered + IN_FLIGHT)
        outcomes = make_client(server.url, tmp_path, max_in_flight=IN_FLIGHT).ask(requests(12))

    assert all(outcome.reply for outcome in outcomes)
    assert len(server.heard) <= 12 + IN_FLIGHT
    assert Book(tmp_path / "requests.sqlite").count("lost") == IN_FLIGHT


def test_the_cap_holds_across_kills(tmp_path: Path) -> None:
    with ScriptedEndpoint(script=lambda _: "hang") as server:
        for time_killed in (1, 2):
            _start_and_kill(server, tmp_path, after=time_killed, max_spend=20.0, max_in_flight=2, **PRICES)

    book = Book(tmp_path / "requests.sqlite")
    assert book.spent == 2 * 5.0  # the first of a start goes alone
    assert sum(sum(one.tokens) for one in server.heard) <= 20


def test_an_interruption_keeps_what_is_answered_within_seconds(tmp_path: Path) -> None:
    with ScriptedEndpoint(seconds=0.5) as server:
        _start_and_kill(server, tmp_path, after=IN_FLIGHT, by=signal.SIGINT)

    book = Book(tmp_path / "requests.sqlite")
    assert (book.count("answered"), book.count("lost")) == (IN_FLIGHT, 0)
    assert len(server.heard) == IN_FLIGHT


def _start_and_kill(
    server: ScriptedEndpoint, folder: Path, *, after: int, by: signal.Signals = signal.SIGKILL, **settings: object
) -> None:
    """Ask in another process, and stop it when the server has heard so many requests."""
    given = json.dumps({"max_in_flight": IN_FLIGHT, "timeout": 60.0, **settings})
    command = [sys.executable, "-m", "remote.asking", server.url, str(folder), given]
    tests = str(Path(__file__).parents[1])
    place = {**os.environ, "PYTHONPATH": os.pathsep.join([tests, os.environ.get("PYTHONPATH", "")])}
    with subprocess.Popen(command, env=place, stderr=subprocess.DEVNULL) as process:  # noqa: S603 - our own words
        deadline = time.monotonic() + 60
        while len(server.heard) < after and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(by)
    assert len(server.heard) == after
