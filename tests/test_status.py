"""`safedose status`: who works on a study, how far it is, what failed; it reads only, whatever happens meanwhile."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from cli_call import Call
from safedose import commands
from safedose.store import StudyFolder
from safedose.store.writer import LEDGER, LOCK
from scripted_study import WATCH, an_arm, engines, finish
from tiny_study import write_study

HOSTILE = "\x1b[31m[/bold]\u202e\n[red]"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a study done by scripted engines; no test changes it."""
    return finish(tmp_path_factory.mktemp("status") / "study")


@pytest.fixture
def study(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished study that may be changed."""
    return shutil.copytree(finished, tmp_path / "study")


def kill_writer(study: Path, **progress: Any) -> int:
    """Let a process become the writer, tell its progress, and be killed; gives its number."""
    pid = os.fork()
    if not pid:
        with StudyFolder(study).writing("safedose run") as writer:
            writer.beat(now=True, **progress)
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    return pid


def add_failure(study: Path, reason: str) -> str:
    """Make a study one in which a training failed; gives the arm."""
    folder = StudyFolder(study)
    arm = folder.tuned_arms()[1]
    folder.adapter(arm).manifest_path.unlink()
    with folder.failure(arm, key="k").commit() as path:
        path.write_text(json.dumps({"arm": arm.id, "step": 7, "reason": reason, "kept_step": None}))
    return arm.id


def test_finished_study_says_so(finished: Path, call: Call) -> None:
    found = commands.status(finished)

    assert (found["writer"]["state"], found["failures"]) == ("finished", [])
    assert "\nfinished: by `safedose run`, process" in call("status", finished).out


def test_study_nobody_worked_on_says_so(tmp_path: Path, call: Call) -> None:
    folder = write_study(tmp_path).parent

    assert commands.status(folder)["writer"] is None
    assert "nobody has worked on it yet" in call("status", folder).out


def test_study_that_can_go_on_says_by_which_command(tmp_path: Path, finished: Path, call: Call) -> None:
    file = write_study(tmp_path)

    assert f"\nnext:  safedose run {file}\n" in call("status", file.parent).out
    assert commands.status(finished)["next"] is None


def test_writer_is_named_with_its_stage_while_it_works(study: Path, call: Call) -> None:
    with StudyFolder(study).writing("safedose run") as writer:
        writer.beat(now=True, stage="tune", done=12, total=40, unit="steps", what="some-arm", eta=130.0)
        done = call("status", study)

    assert f"working: `safedose run`, process {os.getpid()} on " in done.out
    assert "  tune: 12 of 40 steps, some-arm, about 2 min left\n" in done.out


def test_json_holds_all_that_the_writer_tells(study: Path, call: Call) -> None:
    with StudyFolder(study).writing("safedose run") as writer:
        writer.beat(now=True, stage="tune", done=12, total=40, unit="steps", what="some-arm", eta=None)
        found = call("status", study, "--json").json()

    assert set(found) == {"name", "arms", "stages", "failures", "writer", "next"}
    assert {name: found["writer"][name] for name in ("state", "pid", "stage", "done", "total", "eta")} == {
        "state": "working", "pid": os.getpid(), "stage": "tune", "done": 12, "total": 40, "eta": None,
    }  # fmt: skip


def test_killed_writer_has_stopped_and_the_same_command_goes_on(study: Path, call: Call) -> None:
    (an_arm(study) / "adapter.manifest.json").unlink()
    pid = kill_writer(study, stage="tune", done=12, total=40, unit="steps", eta=130.0)

    done = call("status", study)

    assert f"stopped: run the same command again to go on; it was `safedose run`, process {pid} on" in done.out
    assert "  tune: 12 of 40 steps\n" in done.out
    assert "tuned 3 of 4" in done.out


def test_writer_that_gives_no_sign_is_said_to_be_quiet(study: Path, call: Call) -> None:
    with StudyFolder(study).writing("safedose run"):
        hour_ago = time.time() - 7200
        os.utime(study / LOCK, (hour_ago, hour_ago))

        assert "no sign for 2 h" in call("status", study).out


def test_failed_arm_is_shown_with_its_reason(study: Path, call: Call) -> None:
    arm = add_failure(study, "a loss of nan")

    assert [failure["arm"] for failure in commands.status(study)["failures"]] == [arm]
    assert f"failed: {arm} at step 7: a loss of nan\n" in call("status", study).out


def test_study_is_finished_when_all_but_failed_arms_are_done(study: Path) -> None:
    add_failure(study, "a loss of nan")

    assert commands.status(study)["writer"]["state"] == "finished"


def test_hostile_text_reaches_no_terminal(study: Path, call: Call) -> None:
    add_failure(study, HOSTILE)
    with StudyFolder(study).writing(HOSTILE) as writer:
        writer.beat(now=True, stage=HOSTILE, what=HOSTILE, unit=HOSTILE, host=HOSTILE)
        done = call("status", study)

    assert done.code == 0
    assert "\x1b" not in done.out
    assert "\u202e" not in done.out
    assert done.out.count("\ufffd[31m[/bold]\ufffd [red]") == 6


def test_half_written_word_of_the_writer_is_asked_for_again(study: Path) -> None:
    with StudyFolder(study).writing("safedose run") as writer:
        whole = (study / LOCK).read_bytes()
        (study / LOCK).write_bytes(whole[:20])
        beat = threading.Timer(0.03, writer.beat, kwargs={"now": True})
        beat.start()
        found = commands.status(study)["writer"]
        beat.join()

    assert (found["state"], found["pid"]) == ("working", os.getpid())


def test_ledger_that_somebody_locks_does_not_matter(study: Path) -> None:
    database = sqlite3.connect(study / LEDGER, isolation_level=None)
    database.execute("BEGIN EXCLUSIVE")

    assert commands.status(study)["arms"] == 5
    database.close()


def test_asking_writes_nothing(study: Path) -> None:
    def written() -> dict[str, int]:
        return {str(path): path.stat().st_mtime_ns for path in sorted(study.rglob("*"))}

    before = written()
    commands.status(study)

    assert written() == before


def test_asking_all_the_time_disturbs_no_run_and_never_fails(tmp_path: Path) -> None:
    file = write_study(tmp_path, judges=["phrases", "exact", "tiny_study:even"])
    asked: list[dict[str, Any]] = []
    run = threading.Thread(target=commands.run, args=(file, [], WATCH, engines()))
    run.start()
    while run.is_alive():
        asked.append(commands.status(tmp_path))
    run.join()

    assert {found["writer"]["state"] for found in asked if found["writer"]} >= {"working"}
    assert commands.status(tmp_path)["stages"]["reported"] == (1, 1)
