"""How fast servers can be asked: requests a second with every request on the disk before it leaves.

    python benchmarks/remote.py [REQUESTS]

The server is scripted, in the same process, and answers at once: what is measured is the client, its book and the disk.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from safedose.remote.book import Book, Intent
from safedose.remote.client import Remote
from safedose.remote.rounds import Request
from safedose.remote.settings import Endpoint
from safedose.testing import ScriptedEndpoint


def make(number: int) -> list[Request]:
    """Ask for the answers to so many words."""
    return [
        Request(
            key=f"{k}", path="chat/completions", prompt_tokens=300, completion_tokens=16,
            body={"model": "base", "messages": [{"role": "user", "content": f"word {k}"}], "max_tokens": 16},
        )
        for k in range(number)
    ]  # fmt: skip


def main(number: int) -> None:
    """Ask at several widths, then open the book again and ask once more."""
    print("in flight  requests/s  again: requests/s")
    for in_flight in (1, 8, 32, 128):
        with tempfile.TemporaryDirectory(dir=".") as folder, ScriptedEndpoint() as server:
            settings = Endpoint(url=server.url, max_in_flight=in_flight)
            rates = []
            for _ in range(2):
                book = Book(Path(folder) / "requests.sqlite")
                client = Remote(settings, book=book, max_spend=None, seed=0)
                began = time.perf_counter()
                client.ask(make(number))
                rates.append(number / (time.perf_counter() - began))
                book.close()
        print(f"{in_flight:>9}{rates[0]:>12.0f}{rates[1]:>19.0f}")
    with tempfile.TemporaryDirectory(dir=".") as folder:
        book = Book(Path(folder) / "requests.sqlite")
        began = time.perf_counter()
        for k in range(50):
            book.write([Intent(f"{k}", 1.0)])
        print(f"one commit of the book: {(time.perf_counter() - began) * 20:.1f} ms")
        book.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
