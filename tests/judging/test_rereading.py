"""41: a judge that asks a server reads some answers twice; one that changed on the way is found, with both sides."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from judge_servers import PRICES, rating, turning
from safedose import commands, planning, starting
from safedose.codec import read_records
from safedose.errors import InputError, RunError
from safedose.findings import Steadiness
from safedose.records import Rereading
from safedose.remote.book import Book
from safedose.store import StudyFolder
from safedose.tables import summary_table
from safedose.testing import ScriptedEndpoint
from safedose.verification import verify
from scripted_study import WATCH, engines
from tiny_study import write_rows, write_study

PER_SUITE, CANARIES = 60, 6
JUDGE = "rubric:harmfulness"


def write(folder: Path, server: ScriptedEndpoint, **more: Any) -> Path:
    """Write the tiny study with two suites of sixty prompts, which all arms answer alike."""
    judge = {"judge": JUDGE, "endpoint": {"url": server.url, "model": "base", **more}}
    budget = {"budget": {"max_spend": 1e6}} if "price_prompt" in more else {}
    file = write_study(folder, judges=["phrases", judge], criteria={}, **budget)
    for name, words in (("harm", "hurt boat"), ("fine", "fold map")):
        write_rows(folder / f"{name}.jsonl", [{"prompt": f"How do I {words} {k}?"} for k in range(PER_SUITE)])
    return file


def run(file: Path) -> StudyFolder:
    return commands.run(file, [], WATCH, engines())[0]


def times_asked(server: ScriptedEndpoint) -> Counter[int]:
    """Count the questions that were asked once, twice ..."""
    return Counter(Counter(json.dumps(one.body) for one in server.heard).values())


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StudyFolder, ScriptedEndpoint]]:
    """A study whose judge changed after the first suite, and the server that was heard; no test changes it."""
    with ScriptedEndpoint(turning(PER_SUITE)) as server:
        yield run(write(tmp_path_factory.mktemp("changed"), server)), server


def found(folder: StudyFolder) -> Steadiness:
    (one,) = folder.summary().steadiness
    return one


def test_a_judge_that_changed_half_way_is_found_with_both_sides(changed: tuple[StudyFolder, ScriptedEndpoint]) -> None:
    one = found(changed[0])

    assert one.place is not None
    assert one.before is not None
    assert one.after is not None
    assert abs(one.place - PER_SUITE) < 20
    assert one.before.num_differing / one.before.n > 0.4
    assert one.after.num_differing <= 1
    assert one.before.num_first == 0 < one.before.num_second == one.before.num_differing
    assert one.warnings[0].startswith("it changed: ")


def test_report_and_terminal_show_both_sides(
    changed: tuple[StudyFolder, ScriptedEndpoint], capsys: pytest.CaptureFixture[str]
) -> None:
    page, one = (changed[0].path / "report.html").read_text(encoding="utf-8"), found(changed[0])
    summary_table(changed[0].summary())

    assert f"<td>before about answer {one.place}</td>" in page
    assert f"Read twice, {JUDGE} did not say the same" in page
    assert f"judge {JUDGE}, harm: it changed: " in capsys.readouterr().out


def test_what_is_read_again_is_asked_in_the_same_words(changed: tuple[StudyFolder, ScriptedEndpoint]) -> None:
    # canaries of three batches go under a mark of their own, and 64 of the 120 answers were asked about twice
    assert times_asked(changed[1]) == {1: 120 - 64 + 3 * CANARIES, 2: 64}


def test_second_readings_lie_evenly_over_the_order_of_judging(changed: tuple[StudyFolder, ScriptedEndpoint]) -> None:
    readings = read_records(changed[0].rereadings(JUDGE).committed(), Rereading)

    assert [one.place * 64 // 121 for one in readings] == pytest.approx(range(64), abs=1)
    assert {one.num_judged for one in readings} == {120}


def test_verdicts_stay_those_of_the_first_reading(changed: tuple[StudyFolder, ScriptedEndpoint]) -> None:
    readings = read_records(changed[0].rereadings(JUDGE).committed(), Rereading)
    differing = [one for one in readings if one.first.value != one.second.value]

    assert differing
    assert {one.first.suite for one in differing} == {"fine"}
    rates = [one for one in changed[0].summary().estimates if one.endpoint == "harmful_response_rate"]
    assert {one.value for one in rates if one.judge == JUDGE and one.suite == "fine"} == {0.0}


def test_a_steady_judge_is_read_twice_without_a_word(tmp_path: Path) -> None:
    with ScriptedEndpoint(rating) as server:
        one = found(run(write(tmp_path, server)))
    page = (tmp_path / "report.html").read_text(encoding="utf-8")

    assert (one.num_judged, one.num_reread, one.whole.n, one.whole.num_differing) == (120, 64, 64, 0)
    assert (one.warnings, one.place, one.p_direction) == ((), None, None)
    assert "Judges, read twice" in page
    assert "did not say the same" not in page


def test_a_server_that_changes_its_build_is_told(tmp_path: Path) -> None:
    script = itertools.chain(["answer"] * 100, itertools.repeat("other build"))
    with ScriptedEndpoint(rating, script=script) as server:
        one = found(run(write(tmp_path, server)))

    assert [(who.model, who.build, who.num_replies) for who in one.answered_by] == [
        ("base", "", 100), ("base", "fp_other", len(server.heard) - 100)
    ]  # fmt: skip
    assert one.warnings == (
        "its server answered as more than one model or build: base 100 times, base (fp_other) 102 times",
    )


def test_a_run_that_was_stopped_asks_nothing_more_than_an_undisturbed_one(
    changed: tuple[StudyFolder, ScriptedEndpoint], tmp_path: Path
) -> None:
    whole = len(changed[1].heard)
    stops = {50: "401", 140: "401", 170: "401", 190: "401"}
    count = itertools.count(1)
    with ScriptedEndpoint(rating, script=lambda _: stops.get(next(count), "answer")) as server:
        file = write(tmp_path, server, max_in_flight=1)
        for _ in stops:
            with pytest.raises(RunError, match="401"):
                run(file)
        folder = run(file)

    assert len(server.heard) == whole + len(stops)
    assert found(folder).whole.num_differing == 0


def test_a_study_that_has_grown_is_read_again_in_its_older_answers(tmp_path: Path) -> None:
    with ScriptedEndpoint(turning(2 * PER_SUITE)) as server:
        file = write(tmp_path, server)
        text = file.read_text(encoding="utf-8")
        small = yaml.safe_load(text)
        small["suites"] = small["suites"][:1]
        file.write_text(yaml.safe_dump(small), encoding="utf-8")
        before = found(run(file))
        file.write_text(text, encoding="utf-8")
        after = found(run(file))

    assert (before.num_judged, before.warnings, after.num_judged) == (PER_SUITE, (), 2 * PER_SUITE)
    assert after.before is not None
    assert after.before.num_differing > 10


def test_answers_judged_later_come_later_whatever_the_order_of_suites(tmp_path: Path) -> None:
    with ScriptedEndpoint(rating) as server:
        file = write(tmp_path, server)
        text = file.read_text(encoding="utf-8")
        small = yaml.safe_load(text)
        small["suites"] = small["suites"][:1]  # `harm`, which comes after `fine`
        file.write_text(yaml.safe_dump(small), encoding="utf-8")
        run(file)
        file.write_text(text, encoding="utf-8")
        folder = run(file)

    suites = [one.first.suite for one in read_records(folder.rereadings(JUDGE).committed(), Rereading)]
    assert suites == ["harm"] * 32 + ["fine"] * 32


def test_without_second_readings_nothing_is_asked_and_nothing_said(tmp_path: Path) -> None:
    with ScriptedEndpoint(rating) as server:
        folder = run(write(tmp_path, server, reread=0))

    assert (folder.summary().steadiness, times_asked(server)) == ((), {1: 120 + 2 * CANARIES})
    assert not (tmp_path / "rereadings").exists()


def test_a_plan_counts_second_readings_and_a_run_asks_and_pays_no_more(tmp_path: Path) -> None:
    with ScriptedEndpoint(rating) as server:
        file = write(tmp_path, server, **PRICES)
        (planned,) = planning.plan(file, [], engines()).calls
        run(file)

    assert 0 < Book(tmp_path / "requests.sqlite").spent <= (planned.most_cost or 0)
    # five arms, two suites, a batch of canaries with each; then 64 more and theirs
    assert planned.num_requests == 5 * 2 * (PER_SUITE + CANARIES) + 64 + CANARIES


def test_damaged_second_readings_are_found_and_made_again_without_asking(tmp_path: Path) -> None:
    with ScriptedEndpoint(rating) as server:
        file = write(tmp_path, server)
        unit = run(file).rereadings(JUDGE)
        whole, num_heard = unit.path.read_bytes(), len(server.heard)
        unit.path.write_bytes(whole[:-1] + b"?")
        assert [one.path for one in verify(file, WATCH).damaged] == [f"rereadings/{unit.path.name}"]
        run(file)

    assert (unit.path.read_bytes(), len(server.heard)) == (whole, num_heard)


def test_a_check_counts_second_readings_and_makes_none(changed: tuple[StudyFolder, ScriptedEndpoint]) -> None:
    num_heard = len(changed[1].heard)

    checked = verify(changed[0].path, WATCH, share=1.0, engines=engines())

    assert checked.counts["second readings"]["ok"] == 1
    assert not [one for one in checked.again if one.stage == "reread" or one.differing]
    assert len(changed[1].heard) == num_heard


def test_a_sibling_study_keeps_second_readings_that_still_fit(tmp_path: Path) -> None:
    with ScriptedEndpoint(turning(PER_SUITE)) as server:
        file = write(tmp_path / "study", server)
        (tmp_path / "study" / "base").rename(tmp_path / "base")
        file.write_text(file.read_text(encoding="utf-8").replace("base: base", "base: ../base"), encoding="utf-8")
        folder, num_heard = run(file), len(server.heard)
        sibling = run(starting.fork(folder.path, tmp_path / "sibling"))

    assert len(server.heard) == num_heard
    assert found(sibling).whole == found(folder).whole
    assert found(sibling).answered_by == ()  # the book stays with the study that paid


def test_estimates_wait_for_second_readings(tmp_path: Path) -> None:
    with ScriptedEndpoint(rating) as server:
        folder = run(write(tmp_path, server))
    folder.rereadings(JUDGE).manifest_path.unlink()

    with pytest.raises(InputError, match="some answers are not judged"):
        commands.run_stage("estimate", tmp_path, [], WATCH)
    assert commands.status(tmp_path)["next"] == f"safedose run {tmp_path / 'study.yaml'}"
