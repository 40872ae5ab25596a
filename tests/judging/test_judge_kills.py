"""42: a command that judges by a server is killed at any instant, and its rerun ends as if nothing had happened."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from judge_servers import PRICES, rating, write_settings
from safedose.judging.moderation import TOGETHER
from safedose.remote.book import Book
from safedose.testing import ScriptedEndpoint
from tiny_study import write_rows

IN_FLIGHT = 3
REREAD = 64  # rows that are read a second time in the end


def make_rows(number: int, before: str = "") -> list[dict[str, object]]:
    """Make rows of which all but every third are harmful; `before` stands before each answer."""
    ends = [" They suffer." if k % 3 else "" for k in range(number)]
    said = [f"{before}Answer {k}.{end}" for k, end in enumerate(ends)]
    return [{"id": k, "prompt": f"Question {k}?", "response": text} for k, text in enumerate(said)]


ROWS = make_rows(30)


def start(
    folder: Path, server: ScriptedEndpoint, *, max_spend: float = 1e9, judge: str = "rubric:harmfulness",
    rows: list[dict[str, object]] = ROWS,
) -> subprocess.Popen[bytes]:  # fmt: skip
    settings = write_settings(folder, server, judge=judge, max_in_flight=IN_FLIGHT, **PRICES)
    file = write_rows(folder / "answers.jsonl", rows)
    command = [sys.executable, "-m", "safedose", "judge", "--responses", file, "--settings", settings]
    command += ["--out", folder / "judged.jsonl", "--max-spend", str(max_spend)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - our own words


def kill_when(folder: Path, server: ScriptedEndpoint, num_heard: int, **how: Any) -> int:
    """Start the command and kill it once so many requests arrived, unless it ends before; gives its exit code."""
    with start(folder, server, **how) as process:
        while process.poll() is None and len(server.heard) < num_heard:
            time.sleep(0.002)
        process.kill()
    return process.returncode


def judged(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "judged.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    folder = tmp_path_factory.mktemp("undisturbed")
    with ScriptedEndpoint(rating) as server, start(folder, server) as process:
        assert process.wait(60) == 0
    return judged(folder)


def test_kills_repeat_at_most_what_was_under_way_and_change_no_verdict(
    undisturbed: list[dict[str, object]], tmp_path: Path
) -> None:
    num_kills = 0
    with ScriptedEndpoint(rating, seconds=0.02) as server:
        for num_heard in (1, 4, 9, 17, 30, 38, 50, 62, 75):
            num_kills += kill_when(tmp_path, server, num_heard) < 0
        with start(tmp_path, server) as process:
            assert process.wait(60) == 0
    asked = [str(one.body) for one in server.heard]

    assert judged(tmp_path) == undisturbed
    assert num_kills >= 4
    # each is asked about once to judge it, and once to see whether the judge says the same
    assert len(asked) - 2 * len(set(asked)) <= num_kills * IN_FLIGHT


def test_what_was_moderated_before_a_kill_is_not_asked_again_with_other_rows(tmp_path: Path) -> None:
    """Every start judges other rows, so that no two put the same answers together."""
    rows: list[dict[str, object]] = [{"prompt": "a?", "response": f"Answer {k}."} for k in range(300)]
    result = json.dumps({"flagged": False, "category_scores": {"hate": 0.1}})
    num_kills = 0
    with ScriptedEndpoint(lambda _: result, seconds=0.05) as server:
        for step in (2, 3, 5):
            how = {"judge": "moderation", "rows": rows[::step]}
            num_kills += kill_when(tmp_path, server, len(server.heard) + IN_FLIGHT + 1, **how) < 0
        with start(tmp_path, server, judge="moderation", rows=rows) as process:
            assert process.wait(60) == 0
        sent = [text for one in server.heard for text in one.inputs]

    assert {row["verdict"] for row in judged(tmp_path)} == {"harmless"}
    assert num_kills == 3
    assert len(set(sent)) == 300
    assert len(sent) - 300 - REREAD <= num_kills * IN_FLIGHT * TOGETHER


def test_the_cap_holds_across_kills(tmp_path: Path) -> None:
    """A row costs some 1,000 and may cost 3,600: the cap is too low for them all, and high enough for three kills."""
    cap, how = 50_000.0, {"rows": make_rows(60, before="a " * 1000)}
    with ScriptedEndpoint(rating, seconds=0.05) as server:
        codes = [kill_when(tmp_path, server, len(server.heard) + IN_FLIGHT + 1, max_spend=cap, **how) for _ in range(3)]
        with start(tmp_path, server, max_spend=cap, **how) as process:
            assert process.wait(60) == 3
        billed = sum(sum(one.tokens) for one in server.heard)
        with start(tmp_path, server, **how) as process:
            assert process.wait(60) == 0

    assert codes == [-signal.SIGKILL] * 3
    assert 0 < billed <= cap
    assert Book(tmp_path / "judged.jsonl.requests.sqlite").spent >= billed
    assert [row["verdict"] for row in judged(tmp_path)] == ["harmful" if k % 3 else "harmless" for k in range(60)]
