"""A file server on this machine that does what a test scripts: cuts, refusals, redirects, no ranges, other versions."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONTENT = b"".join(b"row %d of a file\n" % k for k in range(5000))


@dataclass
class FileServer:
    """What is served, and what was asked.

    Attributes:
        content: The file.
        etag: Its version; None sends none.
        cuts: The connection breaks after so many bytes of a reply, one number per reply; further replies are whole.
        codes: Status codes of the first replies, in place of the file; 200 gives it.
        later: Content and version from the second request on; None: the same.
        ranges: Whether a part can be asked for.
        redirect: Where the first reply sends on to; None: nowhere.
        asked: The headers of every request.
    """

    content: bytes = CONTENT
    etag: str | None = '"one"'
    cuts: list[int] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    later: tuple[bytes, str] | None = None
    ranges: bool = True
    redirect: str | None = None
    asked: list[dict[str, str]] = field(default_factory=list)
    address: str = ""


@contextmanager
def serving(server: FileServer) -> Iterator[FileServer]:
    """Serve while the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the library's name
            pass

        def do_GET(self) -> None:
            server.asked.append(dict(self.headers))
            if server.later and len(server.asked) > 1:
                server.content, server.etag = server.later
            code = server.codes.pop(0) if server.codes else 200
            if server.redirect:
                self.reply(302, b"", location=server.redirect)
                server.redirect = None
            elif code != 200:
                self.reply(code, b"no")
            else:
                self.give()

        def give(self) -> None:
            part = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")) if server.ranges else None
            start = int(part[1]) if part and self.headers.get("If-Range", server.etag) == server.etag else 0
            size = len(server.content)
            if start >= size:
                self.reply(416, b"", content_range=f"bytes */{size}")
            elif start:
                self.reply(206, server.content[start:], content_range=f"bytes {start}-{size - 1}/{size}")
            else:
                self.reply(200, server.content)

        def reply(self, code: int, body: bytes, **headers: str) -> None:
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            for name, value in (headers | ({"etag": server.etag} if server.etag else {})).items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            with suppress(ConnectionError):  # who asked has left
                self.wfile.write(body[: server.cuts.pop(0)] if server.cuts and body else body)

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    server.address = f"http://127.0.0.1:{http.server_address[1]}/file"
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
