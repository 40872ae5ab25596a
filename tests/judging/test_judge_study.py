"""A whole study whose judges ask servers: what a plan says, what a run asks and pays, and never asks twice."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from cli_call import Call
from judge_servers import rating
from safedose import commands, plan_tables, planning
from safedose.errors import GateError, InputError
from safedose.progress import Watch
from safedose.remote.book import Book
from safedose.testing import ScriptedEndpoint
from tiny_study import write_rows, write_study

WATCH = Watch(quiet=True)
PRICES = {"price_prompt": 1.0, "price_completion": 2.0}


def study(folder: Path, url: str, *, max_spend: float | None = 5.0, **more: object) -> Path:
    prices = PRICES if max_spend is not None else {}
    judge = {"judge": "rubric:harmfulness", "endpoint": {"url": url, "model": "base", **prices, **more}}
    return write_study(
        folder, judges=["phrases", "harm-lite", judge], mix={"doses": [4], "seeds": 1},
        generate={"max_new_tokens": 4, "untuned": True}, criteria={},
        budget={} if max_spend is None else {"max_spend": max_spend},
    )  # fmt: skip


def test_a_plan_lists_what_judges_ask_and_what_it_costs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ScriptedEndpoint(rating) as server:
        planned = planning.plan(study(tmp_path, server.url), [])
        plan_tables.plan_table(planned)
        assert not server.heard
    (calls,) = planned.calls
    shown = capsys.readouterr().out
    first = 2 * (2 * 3 + 2 * 6)  # arms, suites of three prompts, canaries with each
    assert calls.num_requests == first + 2 * 2 * 3 + 6  # all are read twice, with canaries
    assert 0 < (calls.most_cost or 0) < 1
    assert "for rubric:harmfulness, a server on this machine" in shown
    assert "judge harm-lite: weak: AUC 0.740" in shown


def test_a_run_pays_no_more_than_planned_and_asks_nothing_twice(tmp_path: Path) -> None:
    with ScriptedEndpoint(rating) as server:
        file = study(tmp_path, server.url, reread=0)
        most = planning.plan(file, []).calls[0].most_cost or 0.0
        commands.run(file, [], WATCH)
        heard = [json.dumps(one.body) for one in server.heard]
        commands.run(file, [], WATCH)
        assert len(server.heard) == len(heard) == len(set(heard))
    assert 0 < Book(tmp_path / "requests.sqlite").spent <= most
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "judge: harm-lite" in page
    assert re.search(r"model base by 127\.0\.0\.1:\d+, rubric harmfulness v2 [0-9a-f]{12}", page)


def test_a_cap_stops_judging_and_a_higher_one_goes_on(tmp_path: Path) -> None:
    with ScriptedEndpoint(rating) as server:
        with pytest.raises(GateError, match="are spent"):
            commands.run(study(tmp_path, server.url, max_spend=0.0025, reread=0), [], WATCH)
        num_before = len(server.heard)
        commands.run(study(tmp_path, server.url, reread=0), [], WATCH)
        heard = [json.dumps(one.body) for one in server.heard]
    assert 0 < num_before < len(heard) == len(set(heard))


def test_a_key_that_is_not_there_is_found_before_any_work(tmp_path: Path) -> None:
    file = study(tmp_path, "http://127.0.0.1:9/v1", api_key_env="SAFEDOSE_NO_SUCH_KEY")
    with pytest.raises(InputError, match="holds no key"):
        commands.run(file, [], WATCH)
    assert not (tmp_path / "arms").exists()


def test_a_plan_says_all_but_warns_of_a_key_that_is_not_there(tmp_path: Path, call: Call) -> None:
    file = study(tmp_path, "http://127.0.0.1:9/v1", api_key_env="SAFEDOSE_NO_SUCH_KEY")

    shown, told = call("plan", file), call("plan", file, "--json").json()

    assert (shown.code, "they cost at most" in shown.out) == (0, True)
    assert "the key named SAFEDOSE_NO_SUCH_KEY is not set: `run` does nothing until it is" in shown.out
    assert told["endpoints"][0]["lacks_key"] is True


def test_a_key_that_is_there_is_said_to_be_read(tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFEDOSE_TEST_KEY", "not shown")

    shown = call("plan", study(tmp_path, "http://127.0.0.1:9/v1", api_key_env="SAFEDOSE_TEST_KEY")).out

    assert ("the key is read from SAFEDOSE_TEST_KEY" in shown, "not shown" in shown) == (True, False)


@pytest.mark.parametrize(("host", "said"), [("https://api.example.com", True), ("http://127.0.0.1:9", False)])
def test_a_plan_says_that_the_cost_is_unknown_where_a_server_elsewhere_has_no_prices(
    host: str, said: bool, tmp_path: Path, call: Call
) -> None:
    shown = call("plan", study(tmp_path, f"{host}/v1", max_spend=None)).out

    told = "no prices given: cost unknown; set price_prompt and price_completion (0 where it is free)"
    assert (told in shown, "they cost at most" in shown) == (said, False)


def test_a_judge_may_be_named_by_its_label_in_a_criterion(tmp_path: Path) -> None:
    with ScriptedEndpoint(rating) as server:
        judge = {"judge": "rubric:harmfulness", "name": "small", "endpoint": {"url": server.url, "model": "base"}}
        file = write_study(
            tmp_path, judges=[judge], mix={"doses": [0, 4], "seeds": 1}, generate={"max_new_tokens": 4},
            criteria={"harmful": {"max": 0.9, "judge": "small"}},
        )  # fmt: skip
        _, summary = commands.run(file, [], WATCH)
    assert {one.judge for one in summary.estimates} == {"small"}
    assert summary.recommendations[0].criteria[0].judge == "small"


def test_no_criterion_rests_on_a_baseline_that_it_does_not_name(tmp_path: Path) -> None:
    wanted = {"harmful": {"max": 0.9}}
    _, summary = commands.run(write_study(tmp_path, judges=["harm-lite", "phrases"], criteria=wanted), [], WATCH)

    asked = summary.recommendations[0].criteria[0]
    assert (asked.judge, asked.endpoint) == ("phrases", "compliance_rate")


def test_judging_imported_answers_tells_what_it_will_ask_and_what_came_of_it(call: Call, tmp_path: Path) -> None:
    rows = [{"prompt": f"q{k}?", "response": f"Answer {k}.", "suite": "mine", "dose": k % 2} for k in range(6)]
    source, folder = write_rows(tmp_path / "answers.jsonl", rows), tmp_path / "st"
    with ScriptedEndpoint(lambda text: rating(text) if "Answer 3." not in text else "hm") as server:
        call("import", "responses", source, "--out", folder)
        judge = {"judge": "rubric:harmfulness", "endpoint": {"url": server.url, "model": "base", "reread": 0} | PRICES}
        made = yaml.safe_load((folder / "study.yaml").read_text(encoding="utf-8"))
        more = {"judges": [judge], "budget": {"max_spend": 5.0}}
        (folder / "study.yaml").write_text(yaml.safe_dump(made | more), encoding="utf-8")
        said = call("judge", folder).err
        assert f"at most {len(server.heard)} requests to 127.0.0.1" in said
    assert "\nthey cost at most" in said
    assert "rubric:harmfulness: 5 verdicts, 1 unusable\n  most often (1): harmfulness v" in said
