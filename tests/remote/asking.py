"""Clients and requests for the tests of `safedose.remote`; also a program that asks and can be killed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safedose import interruption
from safedose.remote.book import Book
from safedose.remote.client import Remote
from safedose.remote.rounds import Request
from safedose.remote.settings import Endpoint

BACK_OFF = 0.001
PRICES = {"price_prompt": 1e6, "price_completion": 1e6}
"""One unit of money a token."""


def make_client(
    url: str, folder: Path, *, max_spend: float | None = None, shelf: str = "", **settings: Any
) -> Remote:  # fmt: skip
    """Make a client with a book in a folder; it waits a thousandth of what it would."""
    endpoint = Endpoint.model_validate({"url": url, "timeout": 5.0, "max_attempts": 3, **settings})
    book = Book(folder / "requests.sqlite")
    return Remote(endpoint, book=book, max_spend=max_spend, seed=1, back_off=BACK_OFF, shelf=shelf)


def request(name: str, **more: Any) -> Request:
    """Ask for the answer to one word; it may take three prompt tokens and two answer tokens."""
    body = {"model": "base", "messages": [{"role": "user", "content": name}], "max_tokens": 2}
    known = {"path": "chat/completions", "prompt_tokens": 3, "completion_tokens": 2}
    return Request(key=name, body=body, **(known | more))


def requests(number: int) -> list[Request]:
    """Ask for the answers to so many words."""
    return [request(f"word-{k}") for k in range(number)]


def once(step: str, *, of: str) -> Callable[[dict[str, Any]], str]:
    """Script a server that does something with one word, always, and answers all others."""
    return lambda body: step if body["messages"][-1]["content"] == of else "answer"


def main(url: str, folder: str, settings: str) -> None:
    """Ask for twelve words, as in a stage of a study; to be stopped or killed meanwhile."""
    interruption.install()
    with interruption.stage():
        make_client(url, Path(folder), **json.loads(settings)).ask(requests(12))


if __name__ == "__main__":
    main(*sys.argv[1:])
