"""How long safedose takes to start: medians over ten runs each, beside Python's own start in the same session.

Run it with `python benchmarks/startup.py`; the three commands take turns, so that a busy machine slows all alike.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

NUM_RUNS = 10
COMMANDS = {
    "python -c pass": ("-c", "pass"),
    "import safedose": ("-c", "import safedose"),
    "safedose --help": ("-m", "safedose", "--help"),
}


def seconds(*arguments: str) -> float:
    """Run Python once and give the wall time."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)  # noqa: S603  (our own)
    return time.perf_counter() - start


def main() -> None:
    """Print a line per command: its median, and how many times Python's own start that is."""
    runs = [{name: seconds(*words) for name, words in COMMANDS.items()} for _ in range(NUM_RUNS + 1)]
    warm = runs[1:]  # the first round writes the byte code
    medians = {name: statistics.median(run[name] for run in warm) for name in COMMANDS}
    for name, median in medians.items():
        print(f"{name:<16} {median:7.3f} s {median / medians['python -c pass']:6.1f} x")


if __name__ == "__main__":
    main()
