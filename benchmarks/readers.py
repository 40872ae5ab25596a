"""How fast a study chooses 2,000 rows of a large file, and in how much memory, beside what people use otherwise.

Run it with `python benchmarks/readers.py [GB] [format ...]`: it writes a file per format into a temporary folder
(which `TMPDIR` moves), reads it with each reader in a process of its own, and removes it. Ours hashes the file,
checks every row and chooses; the others only walk over the rows:

- `plain`: `json.loads` per line, `csv.DictReader`, `json.load`, pyarrow's batches;
- `datasets`: `load_dataset(..., streaming=True)`.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

NUM_CHOSEN = 2000
NUM_DISTINCT = 20_000  # rows made once and repeated: written quickly, and still too many for a lucky cache
FORMATS = ("jsonl", "csv", "json", "parquet")
WORDS = ("the", "of", "and", "to", "in", "boat", "neighbour", "whistle", "map", "fold", "wash", "river", "café", "地図")


def rows() -> list[dict[str, str]]:
    """Make rows of about 540 bytes, as Alpaca has them, some with quotes and line breaks."""
    pick = random.Random(0)  # noqa: S311  (no secret)
    return [
        {
            "instruction": " ".join(pick.choices(WORDS, k=15)) + "?",
            "input": "",
            "output": " ".join(pick.choices(WORDS, k=70)) + ('\n"so", they said' if k % 10 == 0 else ""),
        }
        for k in range(NUM_DISTINCT)
    ]


def write(path: Path, size: float) -> None:
    """Write the rows again and again until the file has its size."""
    made = rows()
    if path.suffix == ".parquet":
        write_parquet(path, made, size)
        return
    head, joint, tail = "", "", ""
    if path.suffix == ".csv":
        text = io.StringIO(newline="")
        csv.DictWriter(text, made[0]).writerows(made)
        head, block = ",".join(made[0]) + "\r\n", text.getvalue()
    else:
        block = ("\n" if path.suffix == ".jsonl" else ",\n").join(json.dumps(row, ensure_ascii=False) for row in made)
        head, joint, tail = ("", "\n", "\n") if path.suffix == ".jsonl" else ("[", ",\n", "]")
    data = block.encode()
    with path.open("wb") as file:
        file.write(head.encode() + data)
        while file.tell() < size:
            file.write(joint.encode() + data)
        file.write(tail.encode())


def write_parquet(path: Path, made: list[dict[str, str]], size: float) -> None:
    """Write row groups of a few hundred MB, not packed, so that MB mean the same as elsewhere."""
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.concat_tables([pyarrow.Table.from_pylist(made)] * 25)
    with pyarrow.parquet.ParquetWriter(path, table.schema, compression="none", use_dictionary=False) as writer:
        writer.write_table(table, row_group_size=len(table))
        while path.stat().st_size < size:
            writer.write_table(table, row_group_size=len(table))


def ours(path: Path) -> int:
    """Choose rows as a study does."""
    from safedose.data.sources import load_source
    from safedose.mixture import choose_rows

    return len(choose_rows(load_source(path.name, root=path.parent), rows=NUM_CHOSEN, by_item=False, seed=0))


def plain(path: Path) -> int:
    """Walk over the rows with the standard library, or pyarrow."""
    import pyarrow.parquet

    if path.suffix == ".parquet":
        return count(row for batch in pyarrow.parquet.ParquetFile(path).iter_batches() for row in batch.to_pylist())
    with path.open(encoding="utf-8", newline="") as file:
        walks: dict[str, Callable[[], Iterable[object]]] = {
            ".jsonl": lambda: map(json.loads, file),
            ".csv": lambda: csv.DictReader(file),
            ".json": lambda: json.load(file),
        }
        return count(walks[path.suffix]())


def datasets(path: Path) -> int:
    """Walk over the rows with Hugging Face's library, streamed."""
    from datasets import load_dataset

    kind = {"jsonl": "json"}.get(path.suffix[1:], path.suffix[1:])
    return count(load_dataset(kind, data_files=str(path), split="train", streaming=True))


def count(walk: Iterable[object]) -> int:
    """Exhaust an iterator."""
    return sum(1 for _ in walk)


READERS: dict[str, Callable[[Path], int]] = {"ours": ours, "plain": plain, "datasets": datasets}


def measure(reader: str, path: Path) -> None:
    """Read a file in this process, whose only work it is; prints seconds, those of the processor, and peak MiB."""
    READERS[reader](path.with_stem("small"))  # loads what has to be imported
    start, busy = time.perf_counter(), time.process_time()
    READERS[reader](path)
    spent, busy = time.perf_counter() - start, time.process_time() - busy
    print(spent, busy, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def apart(*words: str, home: str) -> list[float]:
    """Run this file in a process of its own; this one stays small, since a child starts with its parent's peak."""
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": home}
    command = [sys.executable, __file__, *words]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)  # noqa: S603
    return [float(word) for word in done.stdout.split()]


def lines(size: float, formats: Iterable[str], readers: Iterable[str]) -> Iterator[str]:
    """Measure every reader on every format."""
    yield f"{'format':<8} {'reader':<9} {'MB':>7} {'s':>7} {'MB/s':>7} {'MB/s busy':>10} {'peak MiB':>9}"
    for kind in formats:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"big.{kind}"
            apart("--write", str(path), str(size), home=folder)
            apart("--write", str(path.with_stem("small")), "1", home=folder)
            mb = path.stat().st_size / 1e6
            for reader in readers:
                spent, busy, peak = apart("--measure", reader, str(path), home=folder)
                yield f"{kind:<8} {reader:<9} {mb:7.0f} {spent:7.1f} {mb / spent:7.1f} {mb / busy:10.1f} {peak:9.0f}"


def main() -> None:
    """Print a line per format and reader: size, time, speed (also per second of processor time), peak of memory."""
    parser = argparse.ArgumentParser(description="Measure the readers of large files.")
    parser.add_argument("gb", nargs="?", type=float, default=1.0, help="size of each file in GB")
    parser.add_argument("formats", nargs="*", default=FORMATS, help=f"of {', '.join(FORMATS)}")
    parser.add_argument("--only", nargs="+", choices=READERS, default=list(READERS), help="readers to measure")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--write", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(given.measure[0], Path(given.measure[1]))
    elif given.write:
        write(Path(given.write[0]), float(given.write[1]))
    else:
        for line in lines(given.gb * 1e9, given.formats, given.only):
            print(line, flush=True)


if __name__ == "__main__":
    main()
