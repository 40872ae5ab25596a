"""A study of imported answers: what judging will ask is said beforehand, and no finding outlives its verdicts."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from cli_call import Call
from judge_servers import rating
from safedose.accounts import plan_imported
from safedose.errors import InputError
from safedose.testing import ScriptedEndpoint
from tiny_study import write_rows, write_study

ROWS = [{"prompt": f"q{k}?", "response": f"Answer {k}.", "suite": "mine", "dose": k % 2} for k in range(6)]
PRICES = {"price_prompt": 1.0, "price_completion": 2.0}


def study(call: Call, folder: Path, url: str, **endpoint: object) -> Path:
    """Import six answers of two arms, to be judged by `phrases` and by a server."""
    call("import", "responses", write_rows(folder / "answers.jsonl", ROWS), "--out", folder / "st")
    file = folder / "st" / "study.yaml"
    judge = {"judge": "rubric:harmfulness", "endpoint": {"url": url, "model": "base"} | PRICES | endpoint}
    more = {"judges": ["phrases", judge], "budget": {"max_spend": 5.0}}
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text(encoding="utf-8")) | more), encoding="utf-8")
    return file


def test_what_is_planned_is_what_judging_asks(call: Call, tmp_path: Path) -> None:
    with ScriptedEndpoint(rating) as server:
        file = study(call, tmp_path, server.url, reread=0)
        planned = call("plan", file, "--json").json()
        assert not server.heard
        call("judge", file.parent)
        num_heard = len(server.heard)

    assert planned["remote_calls"] == planned["endpoints"][0]["num_requests"] == num_heard
    assert (planned["num_responses"], planned["num_left"], len(planned["arms"])) == (6, 4, 2)


def test_planning_leaves_every_byte_as_it_was(call: Call, tmp_path: Path) -> None:
    with ScriptedEndpoint(rating) as server:
        file = study(call, tmp_path, server.url)
        call("judge", file.parent)
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("rubric:harmfulness", "rubric:refusal"), encoding="utf-8")
    before = {path: path.read_bytes() for path in file.parent.rglob("*") if path.is_file()}
    assert call("plan", file, "--json").json()["remote_calls"] > 0
    assert {path: path.read_bytes() for path in file.parent.rglob("*") if path.is_file()} == before


def test_the_terminal_says_where_texts_go_what_it_costs_and_which_key_is_missing(call: Call, tmp_path: Path) -> None:
    shown = call("plan", study(call, tmp_path, "https://api.example.org/v1", api_key_env="SAFEDOSE_NO_KEY")).out

    assert "2 arms of imported responses, 6 responses in 1 suites; judges: phrases, rubric:harmfulness" in shown
    assert "api.example.org for rubric:harmfulness, and up to 64 answers a second time, a server elsewhere" in shown
    assert "the first reading costs at most 0.0" in shown
    assert "the key named SAFEDOSE_NO_KEY is not set" in shown


def test_nothing_is_planned_for_what_is_judged_already(call: Call, tmp_path: Path) -> None:
    with ScriptedEndpoint(rating) as server:
        file = study(call, tmp_path, server.url)
        call("judge", file.parent)
    planned = call("plan", file, "--json").json()

    assert (planned["num_left"], planned["remote_calls"], planned["endpoints"]) == (0, 0, [])


def test_a_criterion_that_no_judge_can_meet_is_found_by_the_plan(call: Call, tmp_path: Path) -> None:
    file = study(call, tmp_path, "http://127.0.0.1:9/v1")
    with pytest.raises(InputError, match="exact"):
        plan_imported(file, ["criteria.harmful={max: 0.1, judge: exact}"])


def test_a_study_that_answers_here_is_planned_otherwise(tmp_path: Path) -> None:
    assert plan_imported(write_study(tmp_path), []) is None


def test_what_was_found_before_new_verdicts_is_no_finding_any_more(call: Call, tmp_path: Path) -> None:
    file = study(call, tmp_path, "http://127.0.0.1:9/v1")
    text = file.read_text(encoding="utf-8")
    for judges in (["phrases"], ["phrases", "refusal"]):
        file.write_text(yaml.safe_dump(yaml.safe_load(text) | {"judges": judges, "budget": {}}), encoding="utf-8")
        call("judge", file.parent)
        before = call("status", file.parent, "--json").json()
        stages = [call(verb, file.parent).code for verb in ("estimate", "report")]

        assert (before["stages"]["estimated"], before["stages"]["reported"]) == ([0, 1], [0, 1])
        assert before["next"] == f"safedose estimate {file.parent}"
        assert stages == [0, 0]
