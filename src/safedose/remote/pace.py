"""How fast a server is asked: its limits per minute, and the pauses it asks for."""

from __future__ import annotations

import asyncio
import time
from typing import final

from safedose.remote.settings import Server


@final
class Pace:
    """Gives every request its turn, evenly spaced; a pause that the server asks for holds all of them."""

    def __init__(self, settings: Server) -> None:
        self._per_request = self._per_token = 0.0  # seconds
        self.keep(settings)
        self._by_requests = self._by_tokens = self._held = 0.0  # when the next may pass, by each of the three

    def keep(self, settings: Server) -> None:
        """Keep to these limits too: of several that share a key, the strictest hold for all."""
        if settings.requests_per_minute:
            self._per_request = max(self._per_request, 60 / settings.requests_per_minute)
        if settings.tokens_per_minute:
            self._per_token = max(self._per_token, 60 / settings.tokens_per_minute)

    async def turn(self, num_tokens: int) -> None:
        """Wait until a request of so many tokens may be sent."""
        while (wait := max(self._by_requests, self._by_tokens, self._held) - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        now = time.monotonic()
        self._by_requests = now + self._per_request
        self._by_tokens = max(self._by_tokens, now) + num_tokens * self._per_token

    def give_back(self, num_tokens: int) -> None:
        """Correct for tokens that were reckoned with and not used."""
        self._by_tokens -= num_tokens * self._per_token

    def hold(self, seconds: float) -> None:
        """Let no request pass for so many seconds."""
        self._held = max(self._held, time.monotonic() + seconds)
