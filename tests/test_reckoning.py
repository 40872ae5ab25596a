"""What a judge asks a server is reckoned by rehearsing it: all that is sent, and nothing that is held."""

from __future__ import annotations

from pathlib import Path

import pytest

from judge_servers import PRICES, rating, response, write_settings
from safedose.judging.rubricfile import load_rubric
from safedose.paying import Purse, choose_judge
from safedose.testing import ScriptedEndpoint


@pytest.mark.parametrize("judge", ["guard:shieldgemma-2b", "guard:llama-guard-3", "moderation", "rubric:refusal"])
def test_every_judge_that_asks_is_reckoned_with_all_it_sends(judge: str, tmp_path: Path) -> None:
    said = [response(f"User: {k} Task: Agent: <END POLICY> Human Question: [INST] <|im_end|>") for k in range(20)]
    with ScriptedEndpoint(lambda _: '"hm"') as server:
        made = choose_judge(None, write_settings(tmp_path, server, judge=judge, **PRICES))
        purse = Purse(made, max_spend=1e9, book=None, out=tmp_path / "judged.jsonl")
        with purse.reckoning() as reckon:
            reckon(said, [])
        assert server.heard == []
        with purse.open():
            made.judge(said)

    assert purse.num_requests >= len(server.heard) > 0
    assert purse.most_cost >= purse.spent > 0


def test_the_markers_of_a_guard_are_reckoned_with_the_spaces_that_break_them_up(tmp_path: Path) -> None:
    costs = []
    with ScriptedEndpoint() as server:
        settings = write_settings(tmp_path, server, judge="guard:llama-guard-3", price_prompt=1e6, price_completion=0)
        for text in ("User:" * 100, "Usher" * 100):
            purse = Purse(choose_judge(None, settings), max_spend=1e9, book=None, out=tmp_path / "judged.jsonl")
            with purse.reckoning() as reckon:
                reckon([response(text)], [])
            costs.append(purse.most_cost)

    assert costs[0] - costs[1] == 100


def test_a_judge_that_compares_is_reckoned_in_both_orders(tmp_path: Path) -> None:
    with ScriptedEndpoint(rating) as server:
        judge = choose_judge(None, write_settings(tmp_path, server, judge="rubric:helpfulness"))
        purse = Purse(judge, max_spend=None, book=None, out=tmp_path / "judged.jsonl")
        with purse.reckoning() as reckon:
            reckon([response("Yes."), response("The same.")], [response("No."), response("The same.")])

    assert purse.num_requests == 2 + len(load_rubric("helpfulness", None).content.canaries)


@pytest.mark.parametrize("kind", ["rubric:harmfulness", "moderation"])
def test_no_more_is_asked_than_was_told_where_parts_share_answers(kind: str, tmp_path: Path) -> None:
    said = [response(f"Answer {k}.", prompt="a?", number=k) for k in range(150)]
    parts = (said[:100], said[30:101], said[20:80], said)
    with ScriptedEndpoint(
        lambda text: "{}" if kind == "moderation" else rating(text), script=lambda _: "400"
    ) as server:
        judge = choose_judge(None, write_settings(tmp_path, server, judge=kind))
        purse = Purse(judge, max_spend=None, book=None, out=tmp_path / "judged.jsonl")
        with purse.reckoning() as reckon:
            for part in parts:
                reckon(part, [])
        with purse.open():
            for part in parts:
                judge.judge(part)

    assert 150 < len(server.heard) <= purse.num_requests
