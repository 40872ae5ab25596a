"""A study whose judges ask a server: what is checked and told while nobody listens; tests/judging has what is paid."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_call import Call
from judge_servers import rating
from safedose import commands
from safedose.codec import read_records
from safedose.records import Verdict
from safedose.remote.book import Book
from safedose.store import StudyFolder
from safedose.testing import ScriptedEndpoint
from safedose.verification import verify
from scripted_study import WATCH, engines
from tiny_study import write_study

RUBRIC = "rubric:harmfulness"


@pytest.fixture
def server() -> Iterator[ScriptedEndpoint]:
    with ScriptedEndpoint(rating) as server:
        yield server


def write(folder: Path, server: ScriptedEndpoint, **more: object) -> Path:
    """Write the tiny study with the string match, and one rubric under two names."""
    asked = {"url": server.url, "model": "base", **more}
    rubrics = [{"judge": RUBRIC, "name": name, "endpoint": {**asked}} for name in (RUBRIC, "second")]
    limit = {"harmful": {"max": 0.9, "judge": RUBRIC}}
    return write_study(folder, judges=["phrases", *rubrics], criteria=limit)


def run(file: Path) -> StudyFolder:
    return commands.run(file, [], WATCH, engines())[0]


def test_judges_of_one_rubric_stand_side_by_side_and_share_the_book(server: ScriptedEndpoint, tmp_path: Path) -> None:
    folder = run(write(tmp_path, server, reread=0))

    arm = folder.tuned_arms()[0]
    found = [read_records(folder.verdicts(arm, name, "fine").path, Verdict) for name in (RUBRIC, "second")]
    assert [{one.judge for one in verdicts} for verdicts in found] == [{RUBRIC}, {"second"}]
    assert {one.judge for one in folder.summary().estimates} == {"phrases", RUBRIC, "second"}
    assert Book(tmp_path / "requests.sqlite").count("answered") == len({str(one.body) for one in server.heard})


def test_recomputing_asks_no_server_and_makes_the_other_judges_units_again(
    server: ScriptedEndpoint, tmp_path: Path
) -> None:
    file = write(tmp_path, server)
    run(file)
    num_heard = len(server.heard)

    again = verify(file, WATCH, share=1.0, engines=engines()).again

    judged = [one.path for one in again if one.stage == "judge"]
    assert len(server.heard) == num_heard
    assert judged
    assert [path for path in judged if "/phrases/" not in path] == []
    assert [one for one in again if one.differing] == []


@pytest.mark.parametrize("verb", ["status", "doctor", "verify", "recommend"])
def test_nobody_has_to_listen_for_what_only_reads(verb: str, call: Call, tmp_path: Path) -> None:
    with ScriptedEndpoint(rating) as server:
        folder = run(write(tmp_path, server)).path

    done = call(verb, folder, "--json")

    assert (done.code in (0, 3), done.err) == (True, "")


def test_status_counts_what_the_servers_judges_have_left(tmp_path: Path) -> None:
    with ScriptedEndpoint(rating, script=lambda _: "401") as server, pytest.raises(Exception, match="answered 401"):
        run(write(tmp_path, server))

    done, total = commands.status(tmp_path)["stages"]["judged"]
    assert 0 < done < total


def test_verdicts_that_a_server_gave_no_answer_for_are_asked_again_without_their_file(tmp_path: Path) -> None:
    steps = ["500"]
    with ScriptedEndpoint(rating, script=lambda _: steps[0]) as server:
        asked = {"url": server.url, "model": "base", "max_attempts": 1}
        file = write_study(tmp_path, judges=["phrases", {"judge": RUBRIC, "endpoint": asked}], criteria={})
        folder = run(file)
        unit = folder.verdicts(folder.tuned_arms()[0], RUBRIC, "fine").path
        before = {one.state for one in read_records(unit, Verdict)}
        steps[0] = "answer"
        unit.unlink()
        run(file)

    assert (before, {one.state for one in read_records(unit, Verdict)}) == ({"not_run"}, {"value"})
