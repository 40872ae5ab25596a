"""One request and what came of it: sent once, bounded in time and size, and told apart by what can be done about it."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, final

from safedose import __version__
from safedose.errors import RunError, SafedoseError, plain
from safedose.remote.book import Lack
from safedose.remote.settings import Server
from safedose.remote.statuses import BUSY, MAYBE_PAID, OUT_OF_MONEY, error_in, is_filter, may_pass, words

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx2

MOST_BYTES = 2**24
"""A reply above this is given up: 2**20 tokens of text fit."""

_MOST_DEPTH = 64
"""Lists within lists in a reply; what is deeper is no reply, and would break what walks through it."""

_LEAST_SECRET = 8
"""Signs of a key; a shorter one (`EMPTY`) is a placeholder, and may be a word that answers hold by themselves."""

LONGEST_BACK_OFF = 60.0
"""Seconds; no pause before something is sent again is longer, unless the server asks for it."""

_CONNECT_SECONDS = 20.0
_MOST_SHOWN = 300


@dataclass(frozen=True, slots=True)
class Fault:
    """The transport failed: the same request may be sent again.

    Attributes:
        problem: What happened.
        paid: Whether the server may have answered, and asks money for it.
        wait: Seconds the server asks to wait; None when it does not say.
        busy: Whether the server turns away requests in general, not this one.
    """

    problem: str
    paid: bool
    wait: float | None = None
    busy: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """The server will not answer this request, however often it is sent.

    Attributes:
        problem: What it said.
        lack: In what way a reply is lacking; but for `failed` the server may ask money for it.
    """

    problem: str
    lack: Lack = "failed"


Sent = dict[str, Any] | Fault | Refusal
"""A reply, or why there is none."""

Heard = tuple[int, str] | Fault
"""Status and text of an answer to something free, or why there is none."""


@final
class Line:
    """The way to one server: TLS checked, no proxies, no redirects, the key in a header and nowhere else.

    Args:
        settings: Where the server is.
        key: The secret it asks for; None when it asks for none.
    """

    def __init__(self, settings: Server, key: str | None) -> None:
        self._settings, self._key = settings, key
        # as JSON may say it within other text, and as it is
        self._said_as = sorted({key, json.dumps(key)[1:-1], key.replace("/", r"\/")}, key=len)[::-1] if key else []
        self._tls: Any = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[httpx2.AsyncClient]:
        """Give a client that keeps its connections until the block ends."""
        import httpx2

        if self._tls is None:
            self._tls = httpx2.create_ssl_context(trust_env=False)
        headers = {"User-Agent": f"safedose/{__version__}", "Accept-Encoding": "identity"}
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
        seconds = self._settings.timeout
        # it counts once for the way and once for the handshake, and must end before the whole is given up: what was
        # never sent costs nothing, and a handshake that is cancelled is left open by httpcore
        connect = min(seconds / 3, _CONNECT_SECONDS)
        async with httpx2.AsyncClient(
            headers=headers, verify=self._tls, trust_env=False, follow_redirects=False,
            timeout=httpx2.Timeout(seconds, connect=connect),
            limits=httpx2.Limits(max_connections=self._settings.max_in_flight),
        ) as client:  # fmt: skip
            yield client

    async def post(self, client: httpx2.AsyncClient, path: str, body: Mapping[str, Any]) -> Sent:
        """Send one request and read its reply, a JSON object.

        Raises:
            RunError: For what concerns every request: the key, the model, the money, the address.
        """
        status, headers, content = await self._exchange(client, "POST", path, body)
        if isinstance(status, Fault | Refusal):
            return status
        return self._read(status, headers, content)

    async def call(self, client: httpx2.AsyncClient, method: str, path: str, body: Any = None) -> Heard:
        """Send something that costs nothing; gives status and text.

        Raises:
            RunError: When the key does not suffice.
        """
        heard = await self._hear(client, method, path, body)
        if not isinstance(heard, Fault) and heard[0] in (401, 403):
            raise self._unauthorised(heard[0], heard[1].encode())
        return heard

    async def knock(self) -> Heard:
        """Ask for the list of models, which is free; a refusal is an answer too."""
        async with self.open() as client:
            return await self._hear(client, "GET", "models")

    async def _hear(self, client: httpx2.AsyncClient, method: str, path: str, body: Any = None) -> Heard:
        status, _, content = await self._exchange(client, method, path, body)
        if isinstance(status, Refusal):
            return 0, status.problem
        if isinstance(status, Fault):
            return status
        said = content.decode(errors="replace")
        return Fault(self._said(status, content), paid=False) if may_pass(status) else (status, said)

    async def _exchange(
        self, client: httpx2.AsyncClient, method: str, path: str, body: Any
    ) -> tuple[int | Fault | Refusal, Mapping[str, str], bytes]:
        import httpx2

        content = None if body is None else json.dumps(body).encode()
        kind = {"Content-Type": "application/json"} if content else {}
        status, found, problem = 0, bytearray(), ""
        told: Mapping[str, str] = {}
        try:
            async with (
                asyncio.timeout(self._settings.timeout),
                client.stream(method, f"{self._settings.url}/{path}", content=content, headers=kind) as response,
            ):
                status, told = response.status_code, response.headers
                async for chunk in response.aiter_bytes():
                    found += chunk
                    if len(found) > MOST_BYTES:
                        problem = f"the reply has more than {MOST_BYTES:,} bytes"
                        break
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            return Fault(self.clean(f"no connection: {error}"), paid=False), {}, b""
        except (TimeoutError, httpx2.TimeoutException):
            return Fault(f"no whole reply within {self._settings.timeout:g} seconds", paid=True), {}, b""
        except httpx2.DecodingError:
            problem = "the reply is packed in a way that cannot be unpacked"
        except httpx2.TransportError as error:
            return Fault(self.clean(f"the connection broke: {error or type(error).__name__}"), paid=True), {}, b""
        if problem and status == 200:
            return Refusal(problem, lack="unreadable"), {}, b""
        return status, told, b"" if problem else bytes(found)  # any other status says enough by itself

    def _read(self, status: int, headers: Mapping[str, str], content: bytes) -> Sent:
        reply = self._parse(content)
        error = error_in(reply)
        if status != 200 and is_filter(error):  # before the rest: OpenRouter's answers 403, as a wrong key does
            return Refusal(self._said(status, content), lack="withheld")
        if status in (401, 403):
            raise self._unauthorised(status, content)
        if status == 402 or (status == 429 and any(code in str(error) for code in OUT_OF_MONEY)):
            raise self._stop(
                status, content, cause="the account has no money left, or its own limit is reached",
                fix="top it up with the provider, then run the same command again",
            )  # fmt: skip
        if status == 404:
            raise self._stop(
                status, content, cause="the server does not know the model, or the address is not that of its API",
                fix="compare url and model of this endpoint with what the server serves, then run again",
            )  # fmt: skip
        if 300 <= status < 400:
            place = self.clean(headers.get("location", "somewhere else"))
            raise self._stop(
                status, content, cause=f"the server points to {place}; nothing is sent there unasked",
                fix="write the address that is meant into the url of this endpoint",
            )  # fmt: skip
        if may_pass(status):
            wait = _seconds(headers.get("retry-after"))
            said = self._said(status, content)
            return Fault(said, paid=status in MAYBE_PAID, wait=wait, busy=status in BUSY)
        if status != 200:
            return Refusal(self._said(status, content))
        if reply is None:
            said = self.clean(content.decode(errors="replace"))
            return Refusal(f"the reply is no JSON object: {said}", lack="unreadable")
        if error is not None:
            problem = f"the server answered with an error: {self.clean(words(error))}"
            return Refusal(problem, lack="withheld" if is_filter(error) else "unreadable")
        return reply

    def _parse(self, content: bytes) -> dict[str, Any] | None:
        """Read a JSON object, without the key that a server may quote in it: replies are kept, and shown."""
        secret = self._key if self._key and len(self._key) >= _LEAST_SECRET else ""
        try:
            value = _without(secret, json.loads(content))
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None

    def _unauthorised(self, status: int, content: bytes) -> SafedoseError:
        name = self._settings.api_key_env
        return self._stop(
            status, content, cause=f"the key in {name} is wrong or may not do this" if name else "it asks for a key",
            fix=f"put the right key into {name or 'an environment variable, name it in api_key_env'}, then run again",
        )  # fmt: skip

    def _stop(self, status: int, content: bytes, *, cause: str, fix: str) -> SafedoseError:
        return RunError(self._said(status, content), where=self._settings.url, cause=cause, fix=fix)

    def _said(self, status: int, content: bytes) -> str:
        error = error_in(self._parse(content))
        said = content.decode(errors="replace") if error is None else words(error)
        return f"the server answered {status}" + (f": {self.clean(said)}" if said.strip() else "")

    def clean(self, text: str) -> str:
        """Make what a server said fit to keep and to show: short, one line, no key, nothing a terminal obeys."""
        for key in self._said_as:
            text = text.replace(key, "[key]")
        text = plain(" ".join(text.encode(errors="replace").decode().split()))
        return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


async def insist(send: Callable[[], Awaitable[Heard]], *, attempts: int, back_off: float) -> Heard:
    """Send something free until it arrives, or the attempts are used up."""
    for attempt in range(1, attempts + 1):
        found = await send()
        if attempt == attempts or not isinstance(found, Fault):
            return found
        await asyncio.sleep(min(LONGEST_BACK_OFF, back_off * 2.0 ** (attempt - 1)))
    raise AssertionError("something is sent at least once")


def _without(key: str, value: Any, depth: int = _MOST_DEPTH) -> Any:
    """Take a key out of every text in a JSON value, names included.

    Raises:
        RecursionError: When the value is nested too deep.
    """
    if depth == 0:
        raise RecursionError
    if isinstance(value, dict):
        return {_without(key, name): _without(key, inner, depth - 1) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without(key, inner, depth - 1) for inner in value]
    return value.replace(key, "[key]") if key and isinstance(value, str) else value


def _seconds(header: str | None) -> float | None:
    """Read `Retry-After`, in seconds or as a date; None for what is neither."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
