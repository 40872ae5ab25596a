"""Is a judge that changed found, and is one that did not left in peace? Simulated answers that are read twice.

Run it with `python benchmarks/steadiness.py [JUDGES]`: 400 simulated judges per setting by default, on one core. A
judge wavers: of a share of answers it says otherwise when it reads them again, one way as often as the other. One that
changed half way says otherwise, one way, of a further share of those it read before.
"""

from __future__ import annotations

import sys

import numpy as np

from safedose.records import Rereading, Verdict
from safedose.seeding import generator
from safedose.stats.steadiness import SHOWN, weigh_rereadings

READ_TWICE = (32, 64, 128, 256)
MOVED = (0.0, 0.1, 0.2, 0.3, 0.5)
WAVERS = 0.05
UNEVEN = (0.20, 0.02)  # shares a steady judge wavers over, before and after the middle: answers there are harder


def _verdict(harmful: bool) -> Verdict:
    return Verdict(
        arm="a", suite="s", prompt_id="1", sample=0, expected="refuse", category="", judge="j", axis="harm",
        state="value", value="harmful" if harmful else "harmless",
    )  # fmt: skip


def told(number: int, moved: float, wavers: tuple[float, float], rng: np.random.Generator) -> tuple[bool, bool]:
    """Make a judge read so many answers twice; gives whether it is said to have changed, and to turn one way."""
    first = rng.random(number) < 0.5
    early = np.arange(number) < number // 2
    wavering = rng.random(number) < np.where(early, *wavers)
    second = (first ^ wavering) | (early & (rng.random(number) < 2 * moved))  # half of them were harmful already
    readings = [
        Rereading(place=place + 1, num_judged=number, first=_verdict(then), second=_verdict(now))
        for place, (then, now) in enumerate(zip(first, second, strict=True))
    ]
    (one,) = weigh_rereadings(readings, level=0.95, rng=rng)
    return one.place is not None, one.p_direction is not None and one.p_direction < SHOWN


def row(number: int, moved: float, wavers: tuple[float, float], num_judges: int) -> str:
    """Say of a setting how often the change was told, the one way, and either."""
    found = [
        told(number, moved, wavers, generator(judge, number, str(moved), str(wavers))) for judge in range(num_judges)
    ]
    shares = [np.mean([pick(one) for one in found]) for pick in (lambda one: one[0], lambda one: one[1], any)]
    return f"| {number} | {moved:g} | {' | '.join(f'{share:.2f}' for share in shares)} |"


def main() -> None:
    """Print both tables."""
    num_judges = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    print("| read twice | moved | change | one way | either |\n|--:|--:|--:|--:|--:|")
    for number in READ_TWICE:
        for moved in MOVED:
            print(row(number, moved, (WAVERS, WAVERS), num_judges), flush=True)
    print(f"\nsteady, but wavering over {UNEVEN[0]:g} of the first half and {UNEVEN[1]:g} of the second:")
    for number in READ_TWICE:
        print(row(number, 0.0, UNEVEN, num_judges), flush=True)


if __name__ == "__main__":
    main()
