"""Who requests are handed to: a client that sends them, or a rehearsal that counts what would be sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, final

from safedose.remote.book import Book, Outcome
from safedose.remote.rounds import Request
from safedose.remote.settings import Server


class Asker(Protocol):
    """Takes requests and gives what became of them; `safedose.remote.client.Remote` is the one that sends."""

    def ask(self, requests: Sequence[Request]) -> list[Outcome]:
        """Give an outcome per request, in their order."""
        ...

    def held(self, keys: Iterable[str]) -> dict[str, Outcome]:
        """Give what the book holds of these keys, and leave out the others."""
        ...


@final
class Rehearsal:
    """Sends nothing: what the book holds is answered from it, the rest has no reply and is counted, each key once.

    Args:
        settings: Of the server that would be asked.
        book: What was asked before; None: nothing was.

    Attributes:
        shelf: Where in the book the requests would stand, as in `Remote`; may be changed meanwhile.
        num_requests: Requests that would be sent.
        num_held: Requests that the book holds, and others of those it holds that were looked for.
        most_cost: What would be sent costs at most, when each is sent once, as far as the book knows what the server
            bills beyond what is reckoned; 0 without prices.
    """

    def __init__(self, settings: Server, book: Book | None) -> None:
        self._settings, self._book, self.shelf = settings, book, ""
        self._excess = book.excess(settings.url) if book else 0.0
        self._counted: set[str] = set()
        self.num_requests, self.num_held, self.most_cost = 0, 0, 0.0

    def ask(self, requests: Sequence[Request]) -> list[Outcome]:
        return [self._outcome(request.on(self.shelf)) for request in requests]

    def held(self, keys: Iterable[str]) -> dict[str, Outcome]:
        places = {key: self.shelf + key for key in keys}
        found = {key: self._book.outcome(place) for key, place in places.items()} if self._book else {}
        held = {key: outcome for key, outcome in found.items() if outcome is not None}
        new = {places[key] for key in held} - self._counted
        self.num_held += len(new)
        self._counted |= new
        return held

    def _outcome(self, request: Request) -> Outcome:
        held = self._book.outcome(request.key) if self._book else None
        if request.key not in self._counted:
            self._counted.add(request.key)
            if held:
                self.num_held += 1
            else:
                self.num_requests += 1
                most = self._settings.cost(request.prompt_tokens, request.completion_tokens)
                self.most_cost += most + self._excess
        return held or Outcome(None, "nobody was asked: this is a rehearsal")
