"""A study through a server that gives no answer to some prompts."""

from __future__ import annotations

from pathlib import Path

from generation.endpoint_study import run, tune, write
from safedose.codec import read_records
from safedose.records import Response, Verdict
from safedose.testing import ScriptedEndpoint


def test_prompts_that_a_server_stumbles_over_do_not_stop_a_study_and_are_asked_again_without_their_file(
    tmp_path: Path,
) -> None:
    stumbles = True
    with ScriptedEndpoint(script=lambda body: "500" if stumbles and "map " in str(body) else "answer") as server:
        file = write(tmp_path, server)
        server.models += tune(file).values()
        folder = run(file)
        units = [folder.responses(arm, "fine").path for arm in folder.tuned_arms()]
        before = [one.finish for one in read_records(units[0], Response)]
        stumbles, num_heard = False, len(server.heard)
        run(file)
        num_again = len(server.heard) - num_heard
        units[0].unlink()
        run(file)

    assert (before, num_again) == (["failed"] * 3, 0)
    assert [one.finish for one in read_records(units[0], Response)] == ["length"] * 3
    verdicts = read_records(folder.verdicts(folder.tuned_arms()[0], "phrases", "fine").path, Verdict)
    assert [one.state for one in verdicts] == ["value"] * 3
