"""Case 8: one process works on a study; whoever comes second is told who, and whoever was replaced commits no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.injector import telling, trace_calls
from faults.kill_loop import Undisturbed
from faults.nursery import Nursery
from faults.study_digest import digest_study
from faults.takeover import outlive_pause, start_together
from faults.toy_study import SMALL, make_toy


@pytest.mark.parametrize("num_processes", range(2, 9))
def test_of_processes_started_together_one_works_and_the_others_name_it(
    num_processes: int, nurseries: list[Nursery], toy: Path, small: Undisturbed
) -> None:
    start_together(nurseries, toy, num_processes)

    assert nurseries[0].run("run", str(toy)).code == 0  # the lock of the dead is free
    assert digest_study(toy) == small.digest


def test_process_that_was_paused_and_replaced_commits_no_more(
    injecting: list[Nursery], small: Undisturbed, room: Path, tmp_path: Path
) -> None:
    paused_in, other = injecting
    calls = telling(trace_calls(paused_in, make_toy(paused_in.inputs, tmp_path / "t", SMALL), tmp_path / "calls"))
    taken_over = [
        outlive_pause(paused_in, other, make_toy(paused_in.inputs, room / f"p{at}", SMALL), at, small.digest)
        for at in [call.number for call in calls[::15]]
    ]
    assert any(taken_over)
    assert not all(taken_over)  # it was also paused inside commits
