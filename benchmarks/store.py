"""What the study folder costs: a commit, a plan of 10,000 units, a ledger of a million rows.

Run it with `python benchmarks/store.py`. A commit stands beside the same bytes written plainly (neither flushed
nor hashed), and a ledger beside an SQLite table without checks, in the same run.
"""

from __future__ import annotations

import os
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path

from safedose import starting
from safedose.engines import LOCAL, Engines
from safedose.store import StudyFolder, Unit
from safedose.store.ledger import Ledger, _link
from safedose.store.writer import writing

NUM_COMMITS = 300
NUM_ROWS = 1_000_000
UNIT_BYTES = 20_000
"""About what the answers of one arm to one suite take."""


def commits(folder: Path) -> None:
    """Print what a commit costs, median and slowest, beside a plain write of the same bytes."""
    content = os.urandom(UNIT_BYTES)
    plain, durable, hits = [], [], []
    with writing(folder, "benchmark") as writer:
        for number in range(NUM_COMMITS):
            began = time.perf_counter()
            (folder / f"plain-{number}").write_bytes(content)
            plain.append(time.perf_counter() - began)
            unit = Unit(folder / "arms" / f"unit-{number}", "key", writer)
            began = time.perf_counter()
            with unit.commit() as path:
                path.write_bytes(content)
            durable.append(time.perf_counter() - began)
            began = time.perf_counter()
            unit.is_committed()
            hits.append(time.perf_counter() - began)
    for name, seconds in (("plain write", plain), ("commit", durable), ("check of a commit", hits)):
        ratio = statistics.median(seconds) / statistics.median(plain)
        print(f"{name:<18} median {statistics.median(seconds) * 1e3:6.2f} ms, slowest {max(seconds) * 1e3:6.2f} ms,"
              f" {ratio:5.1f} x")  # fmt: skip


def planning(folder: Path, *, num_seeds: int) -> None:
    """Print how long a large study of the small world takes to be planned and sealed."""
    file, _ = starting.init(folder, "smallworld")
    engines = Engines(
        tuner=LOCAL.tuner, generator=LOCAL.generator, count_tokens=lambda _base, _study, texts: list(map(len, texts))
    )
    settings = [f"mix.seeds={num_seeds}", "mix.also=[]", "budget.max_arms=100000"]
    planning.plan(file, settings, engines)  # loads libraries and the small world's rows once
    began = time.perf_counter()
    planned = planning.plan(file, settings, engines)
    StudyFolder(folder).seal(planned.seal)
    seconds = time.perf_counter() - began
    num_units = len(planned.arms) * (2 + len(planned.study.suites) * (1 + len(planned.study.judges)))
    print(f"planning           {len(planned.arms):,} arms, {num_units:,} units in {seconds:.2f} s")


def ledger(folder: Path) -> None:
    """Print how long a ledger of a million rows takes to be opened and checked, beside a plain read of its rows."""
    path = folder / "ledger.sqlite"
    Ledger(path).close()
    rows, chain = [], "0" * 64
    for number in range(1, NUM_ROWS + 1):
        row = (number, 1, 0.5, "committed", f"arms/direct-instruction-30-s0.0-{number:08}/adapter", '{"key": "k"}')
        chain = _link(chain, row)
        rows.append((*row, chain))
    database = sqlite3.connect(path)
    database.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    database.commit()
    began = time.perf_counter()
    for _ in database.execute("SELECT * FROM entries ORDER BY seq"):
        pass
    read = time.perf_counter() - began
    database.close()
    began = time.perf_counter()
    Ledger(path).close()
    opened = time.perf_counter() - began
    print(f"ledger             {NUM_ROWS:,} rows, {path.stat().st_size / 1e6:.0f} MB: opened and checked in "
          f"{opened:.2f} s, {opened / read:.1f} x a plain read")  # fmt: skip


def main() -> None:
    """Print a few lines of figures."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        for part in ("commits", "small", "large", "ledger"):
            (Path(name) / part).mkdir()
        commits(Path(name) / "commits")
        planning(Path(name) / "small", num_seeds=41)
        planning(Path(name) / "large", num_seeds=1000)
        ledger(Path(name) / "ledger")


if __name__ == "__main__":
    main()
