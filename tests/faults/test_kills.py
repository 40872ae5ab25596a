"""Cases 1 and 4: a study that is stopped anywhere, by any signal, ends in the bytes of one that was not."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.kill_loop import SIGNAL_SECONDS, STAGES, Tally, Undisturbed, stop_until_done
from faults.nursery import Nursery, share_out
from faults.study_digest import digest_study
from faults.toy_study import STUCK, WORK_LOG
from safedose import interruption

SEED = 1
"""Draws every stage and instant: the folder that a failure names has its number, and draws the same again."""

NUM_KILLS = 100


def test_killed_study_ends_in_the_same_bytes_and_repeats_no_more_than_a_part(
    nurseries: list[Nursery], whole: Undisturbed, small: Undisturbed, room: Path
) -> None:
    tally = Tally()

    def loops() -> Iterator[int]:
        number = 0
        while tally.stops.total() < NUM_KILLS or set(tally.stops) != set(STAGES):
            yield number
            number += 1

    def kill(nursery: Nursery, loop: int) -> None:
        study, rng = small if loop % 4 else whole, random.Random(f"{SEED} {loop}")
        tally.add(stop_until_done(nursery, room / f"kills-{SEED}-{loop}", study, rng=rng))

    share_out(loops(), nurseries, kill)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_interrupted_study_says_how_to_go_on_and_ends_in_the_same_bytes(
    number: int, nurseries: list[Nursery], small: Undisturbed, room: Path
) -> None:
    def stop(nursery: Nursery, loop: int) -> None:
        rng = random.Random(f"{SEED} {loop}")
        stop_until_done(nursery, room / f"stops-{number}-{SEED}-{loop}", small, rng=rng, number=number)

    share_out(range(4), nurseries, stop)


@pytest.mark.parametrize(("num_signals", "seconds"), [(1, SIGNAL_SECONDS), (2, interruption.GRACE_SECONDS)])
def test_step_that_never_ends_is_dropped_after_seconds_and_sooner_when_asked_twice(
    num_signals: int, seconds: float, nursery: Nursery, toy: Path, small: Undisturbed
) -> None:
    log = toy.with_name("work.log")
    child = nursery.start("run", str(toy), environment={WORK_LOG: str(log), STUCK: "chunk"})
    while not (log.exists() and "chunk" in log.read_text()):
        time.sleep(0.01)
    began = time.monotonic()
    for _ in range(num_signals):
        child.signal(signal.SIGTERM)
        time.sleep(0.1)
    ended = child.wait()

    assert time.monotonic() - began < seconds
    assert (ended.code, ended.said.splitlines()[-1]) == (interruption.EXIT_CODE, interruption.LINE)
    assert nursery.run("run", str(toy)).code == 0
    assert digest_study(toy) == small.digest
