"""41, of a file or pipe: what a judge that asks a server says again in the end, and what it costs."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from test_comparing import by_words

from cli_call import Call
from judge_servers import PRICES, judge_by, rating, response, turning, write_settings
from safedose.judging.rows import judge_rows
from safedose.progress import Watch
from safedose.rereading import Sample
from safedose.testing import ScriptedEndpoint
from tiny_study import write_rows

ROWS = [{"prompt": "a?", "response": f"Answer {k}."} for k in range(300)]
CANARIES = 6


def command(
    folder: Path, server: ScriptedEndpoint, *more: object, rows: list[dict[str, str]], **settings: Any
) -> tuple[object, ...]:  # fmt: skip
    file = write_rows(folder / "answers.jsonl", rows)
    chosen = write_settings(folder, server, **settings)
    return ("judge", "--responses", file, "--settings", chosen, "--out", folder / "judged.jsonl", *more)


def num_canaries(num_rows: int, at_once: int = 256) -> int:
    """Count the canaries: some with each batch of up to 64 of a part of the file."""
    parts = [min(at_once, num_rows - start) for start in range(0, num_rows, at_once)]
    return CANARIES * sum(-(-part // 64) for part in parts)


def test_a_judge_that_changed_half_way_is_told_with_both_sides(call: Call, tmp_path: Path) -> None:
    with ScriptedEndpoint(turning(256)) as server:
        done = call(*command(tmp_path, server, rows=[*ROWS, *({**row, "prompt": "b?"} for row in ROWS)]))
    judged = [json.loads(line) for line in (tmp_path / "judged.jsonl").read_text().splitlines()]

    assert done.code == 0
    assert "read twice: 64 answers, " in done.err
    assert "judge rubric:harmfulness, harm: it changed: read again, it says otherwise of " in done.err
    assert Counter(row["verdict"] for row in judged[:256]) == {"harmless": 256}
    assert not any("read" in name or "again" in name for row in judged for name in row)


def test_a_steady_judge_gets_one_line(call: Call, tmp_path: Path) -> None:
    with ScriptedEndpoint(rating) as server:
        done = call(*command(tmp_path, server, rows=ROWS[:70]))

    lines = [line for line in done.err.splitlines() if "read twice" in line or line.startswith("judge ")]
    assert lines == ["read twice: 64 answers, 0 came out otherwise (0%, 0% to 6%)"]


def test_it_stands_in_the_json(call: Call, tmp_path: Path) -> None:
    with ScriptedEndpoint(rating, script=itertools.chain(["answer"] * 20, itertools.repeat("other build"))) as server:
        done = call(*command(tmp_path, server, "--json", rows=ROWS[:30]))

    told = json.loads(done.out)["read_twice"]
    assert (told["num_judged"], told["num_reread"], told["whole"]["num_differing"]) == (30, 30, 0)
    assert [(one["build"], one["num_replies"]) for one in told["answered_by"]] == [
        ("", 20), ("fp_other", len(server.heard) - 20)
    ]  # fmt: skip
    assert done.err == ""


@pytest.mark.parametrize(
    ("judge", "rows", "settings"),
    [
        ("rubric:harmfulness", ROWS[:3], {"reread": 0}),
        ("rubric:helpfulness", [row | {"rival": row["response"]} for row in ROWS[:3]], {}),
        ("rubric:harmfulness", [{"prompt": "a?", "response": " "}], {}),
    ],
    ids=["not wanted", "two answers that are one", "nothing to be seen"],
)
def test_where_nothing_is_read_twice_nothing_is_said(
    judge: str, rows: list[dict[str, str]], settings: dict[str, object], call: Call, tmp_path: Path
) -> None:
    with ScriptedEndpoint(rating) as server:
        done = call(*command(tmp_path, server, "--json", rows=rows, judge=judge, **settings))

    assert (done.code, json.loads(done.out)["read_twice"]) == (0, None)


def test_the_second_reading_is_told_before_and_stays_under_the_cap(call: Call, tmp_path: Path) -> None:
    with ScriptedEndpoint(rating) as server:
        done = [call(*command(tmp_path, server, "--max-spend", 1e9, "--json", rows=ROWS, **PRICES)) for _ in range(2)]
    first, again = (json.loads(one.out)["asked"] for one in done)

    assert first["num_requests"] == len(server.heard) == 300 + num_canaries(300) + 64 + CANARIES
    assert 0 < first["spent"] <= first["most_cost"]
    assert (again["num_requests"], again["num_held"]) == (0, len(server.heard))


def test_a_cap_that_is_met_while_reading_again_leaves_the_judged_rows_and_can_be_raised(
    call: Call, tmp_path: Path
) -> None:
    with ScriptedEndpoint(rating) as server:
        first = call(*command(tmp_path, server, "--max-spend", 1e9, "--json", rows=ROWS[:60], reread=0, **PRICES))
        cap = json.loads(first.out)["asked"]["spent"] + 1000
        stopped = call(*command(tmp_path, server, "--max-spend", cap, rows=ROWS[:60], **PRICES))
        lines = (tmp_path / "judged.jsonl").read_text().splitlines()
        done = call(*command(tmp_path, server, "--max-spend", 1e9, rows=ROWS[:60], **PRICES))
    times = Counter(Counter(json.dumps(one.body) for one in server.heard).values())

    assert (stopped.code, len(lines), done.code) == (3, 60, 0)
    assert times == {2: 60, 1: 2 * CANARIES}  # canaries stand under the name of their batch


def test_a_file_that_has_grown_is_read_again_in_its_older_rows(call: Call, tmp_path: Path) -> None:
    with ScriptedEndpoint(turning(2 * 60)) as server:
        before = call(*command(tmp_path, server, "--json", rows=ROWS[:60]))
        after = call(*command(tmp_path, server, "--json", rows=ROWS[:120]))

    told = [json.loads(one.out)["read_twice"] for one in (before, after)]
    assert told[0]["warnings"] == []
    assert told[1]["before"]["num_differing"] > 8
    assert told[1]["after"]["num_differing"] <= 1


def test_comparisons_are_read_again_with_their_rivals(call: Call, tmp_path: Path) -> None:
    rows = [{"prompt": "a?", "response": "one two", "rival": "one" + " two" * (k + 1)} for k in range(5)]
    with ScriptedEndpoint(by_words) as server:
        done = call(*command(tmp_path, server, "--json", rows=rows, judge="rubric:helpfulness"))

    told = json.loads(done.out)["read_twice"]
    assert (told["axis"], told["num_judged"], told["whole"]["n"]) == ("preference", 4, 4)
    assert told["whole"]["num_differing"] == 0
    times = Counter(Counter(json.dumps(one.body) for one in server.heard).values())
    assert times[2] == 2 * 4  # each in both orders; canaries stand under the name of their batch
    assert set(times) == {1, 2}


def test_the_sample_is_the_same_whatever_the_order(tmp_path: Path) -> None:
    answers = [response(f"Answer {k}.", number=k) for k in range(200)]
    drawn = []
    with judge_by(tmp_path, rating, reread=20) as (judge, _):
        for given in (answers, answers[::-1]):
            sample = Sample(judge)
            for start in range(0, 200, 64):
                sample.look(given[start : start + 64], [])
            drawn.append(({one.text for one in sample.drawn[0]}, sample.occasion))

    assert drawn[0] == drawn[1]
    assert len(drawn[0][0]) == 20


def test_what_was_not_all_heard_is_not_read_twice(tmp_path: Path) -> None:
    """So it is where the reader of a pipe has enough."""
    answers = [response(f"Answer {k}.", number=k) for k in range(20)]
    with judge_by(tmp_path, rating) as (judge, server):
        sample = Sample(judge)
        sample.look(answers, [])
        heard = [(k, {"prompt": "a?", "response": one.text}) for k, one in enumerate(answers[:10])]
        sample.hear(judge_rows(heard, judge))
        num_heard = len(server.heard)

        assert sample.read(lambda _: None, Watch(quiet=True)) == []
        assert len(server.heard) == num_heard
