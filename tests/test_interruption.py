"""Real signals to a real process: the first waits for the step in hand, the second does not."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from judge_servers import rating, write_settings
from safedose.interruption import GRACE_SECONDS, LINE
from safedose.progress import Watch
from safedose.testing import ScriptedEndpoint
from tiny_study import write_rows

PROGRAM = """
import sys, time
from safedose import interruption

def work(step):
    print("ready", flush=True)
    while True:
        time.sleep(step)
        print("step", flush=True)
        interruption.point()

interruption.install()
try:
    if sys.argv[1] == "stage":
        with interruption.stage():
            work(float(sys.argv[2]))
    else:
        print("ready", flush=True)
        time.sleep(60)
except KeyboardInterrupt:
    interruption.tell()
    sys.exit(130)
"""


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that a test starts; none outlives it."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.communicate()


def start(processes: list[subprocess.Popen[str]], *arguments: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    processes.append(process)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_first_signal_ends_the_step_in_hand(number: int, processes: list[subprocess.Popen[str]]) -> None:
    process = start(processes, "stage", "0.5")
    process.send_signal(number)
    out, err = process.communicate(timeout=30)

    assert out == "step\n"
    assert err.splitlines()[-1] == LINE
    assert process.returncode == 130


def test_first_signal_outside_stages_ends_at_once(processes: list[subprocess.Popen[str]]) -> None:
    process = start(processes, "loading")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)

    assert err.splitlines() == [LINE]
    assert process.returncode == 130


def test_second_signal_does_not_wait(processes: list[subprocess.Popen[str]]) -> None:
    process = start(processes, "stage", "60")
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert process.stderr.readline().startswith("stopping:")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=GRACE_SECONDS)

    assert (out, err.splitlines(), process.returncode) == ("", [LINE], 130)


def test_step_that_does_not_end_is_left(processes: list[subprocess.Popen[str]]) -> None:
    process = start(processes, "stage", "60")
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)

    assert (out, err.splitlines()[-1], process.returncode) == ("", LINE, 130)
    assert time.monotonic() - began >= GRACE_SECONDS


def test_line_told_to_people_is_one_write_so_that_no_signal_can_leave_it_open(monkeypatch: pytest.MonkeyPatch) -> None:
    class Recorder(io.StringIO):
        def write(self, text: str) -> int:
            writes.append(text)
            return super().write(text)

    writes: list[str] = []
    monkeypatch.setattr(sys, "stderr", Recorder())
    Watch().say("mix: 1 arms in 0.0 s")
    assert writes == ["mix: 1 arms in 0.0 s\n"]


@pytest.mark.parametrize("num_signals", [1, 2], ids=["waiting", "at once"])
def test_a_judging_that_is_stopped_leaves_no_half_written_file(
    num_signals: int, processes: list[subprocess.Popen[str]], tmp_path: Path
) -> None:
    out = tmp_path / "judged.jsonl"
    with ScriptedEndpoint(rating, seconds=0.5) as server:
        settings = write_settings(tmp_path, server, max_in_flight=2)
        rows = write_rows(tmp_path / "answers.jsonl", [{"prompt": "a?", "response": f"b {k}"} for k in range(60)])
        command = [sys.executable, "-m", "safedose", "judge", "--responses", rows, "--settings", settings, "--out", out]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)  # noqa: S603 - our own words
        processes.append(process)
        while process.poll() is None and len(server.heard) < 3:
            time.sleep(0.01)
        begun = sorted(path.name for path in tmp_path.glob("judged.jsonl*"))
        for _ in range(num_signals):
            process.send_signal(signal.SIGINT)
            first = next((line for line in process.stderr if line.startswith(("stopping", "interrupted"))), "")
            assert first
        code = process.wait(30)

    assert "judged.jsonl.partial" in begun
    assert code == 130
    assert not list(tmp_path.glob("*.partial"))
    assert not out.exists()
