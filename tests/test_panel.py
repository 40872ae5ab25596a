"""The judges of a study: models are looked for without weights, and each mistake is told where it stands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli_call import Call
from hub_server import COMMIT, Hub, safedose, serving
from tiny_model import make_model, make_tokenizer
from tiny_reward import describe, make_encoder
from tiny_study import write_study

GUARD = {"judge": "guard:llama-guard-3", "model": "village/guard"}
REWARD = {"judge": "reward:own", "model": f"village/reward@{COMMIT}"}


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[Hub]:
    """A tiny model that only speaks, published."""
    folder = tmp_path / "published"
    make_tokenizer().save_pretrained(folder)
    make_model(folder)
    with serving(folder, "village/guard") as hub:
        yield hub


@pytest.fixture
def reward(tmp_path: Path) -> Iterator[Hub]:
    """A tiny reward model, published with what says how it is asked."""
    with serving(describe(make_encoder(tmp_path / "published")), "village/reward") as hub:
        yield hub


def study(folder: Path, judge: dict[str, Any]) -> Path:
    return write_study(folder, judges=["phrases", judge], mix={"doses": [4], "seeds": 1}, criteria={})


def test_plan_fetches_no_weights_of_a_judge_and_says_who_does(guard: Hub, tmp_path: Path) -> None:
    done = safedose(guard, "plan", study(tmp_path / "study", GUARD), home=tmp_path / "home")

    assert (done.returncode, "config.json" in guard.fetched()) == (0, True), done.stderr
    assert "model.safetensors" not in guard.fetched()
    assert f"`run` fetches the weights of village/guard, commit {COMMIT}" in done.stdout


def test_a_reward_model_is_planned_with_by_what_lies_beside_its_weights(reward: Hub, tmp_path: Path) -> None:
    done = safedose(reward, "plan", study(tmp_path / "study", REWARD), "--json", home=tmp_path / "home")

    assert json.loads(done.stdout)["to_fetch"] == [REWARD["model"]]
    assert "model.safetensors" not in reward.fetched()


def test_a_run_fetches_the_weights_once_and_status_asks_nobody(guard: Hub, tmp_path: Path) -> None:
    file, home = study(tmp_path / "study", GUARD), tmp_path / "home"
    done = [safedose(guard, verb, file, home=home) for verb in ("run", "run")]
    asked = list(guard.asked)
    status = safedose(guard, "status", file.parent, "--json", home=home)

    assert [one.returncode for one in done] == [0, 0], done[0].stderr
    assert sum(path.startswith("GET") and path.endswith("model.safetensors") for path in asked) == 1
    assert json.loads(status.stdout)["stages"]["judged"] == [8, 8]
    assert guard.asked == asked


def test_status_and_plan_tell_what_they_can_where_the_hub_cannot_be_reached(tmp_path: Path) -> None:
    file, home = study(tmp_path / "study", GUARD), tmp_path / "home"
    planned = safedose(None, "plan", file, home=home)
    status = safedose(None, "status", file.parent, home=home)

    assert (planned.returncode, status.returncode) == (0, 0), planned.stderr + status.stderr
    assert "not known here, so not checked: model 'village/guard'" in planned.stdout
    assert "optimizer steps in all" in planned.stdout


def test_a_model_that_alone_says_what_its_judge_looks_at_is_named_where_nobody_can_be_asked(tmp_path: Path) -> None:
    done = safedose(None, "plan", study(tmp_path / "study", REWARD), "--json", home=tmp_path / "home")

    told = json.loads(done.stdout)
    assert "village/reward" in told["unknown"][0]["what"]
    assert "whether a judge speaks about each criterion" in told["unchecked"]


@pytest.mark.parametrize("verb", ["plan", "run"])
@pytest.mark.parametrize(
    ("judge", "problem"),
    [
        (GUARD | {"model": "village/gard"}, "check the Hub id"),
        (REWARD | {"model": "village/guard"}, "no fixed state"),
        (REWARD | {"model": f"village/guard@{COMMIT}", "path": "how.json"}, "not of one that rates texts"),
    ],
)
def test_a_wrong_model_is_found_before_any_work(
    verb: str, judge: dict[str, Any], problem: str, guard: Hub, tmp_path: Path
) -> None:
    file = study(tmp_path / "study", judge)
    describe(file.parent).joinpath("safedose_reward.json").rename(file.parent / "how.json")

    done = safedose(guard, verb, file, home=tmp_path / "home")

    assert (done.returncode, problem in done.stderr, (file.parent / "arms").exists()) == (2, True, False)


def test_a_run_that_cannot_fetch_a_judge_is_refused_before_any_work(guard: Hub, tmp_path: Path) -> None:
    file, home = study(tmp_path / "study", GUARD | {"model": f"village/guard@{COMMIT}"}), tmp_path / "home"
    assert safedose(guard, "plan", file, home=home).returncode == 0

    done = safedose(None, "run", file, home=home)

    assert (done.returncode, "the Hub cannot be reached" in done.stderr) == (2, True)
    assert not (file.parent / "arms").exists()


def test_a_misspelt_judge_is_told_where_it_stands_and_not_where_it_is_named_well(call: Call, tmp_path: Path) -> None:
    file = write_study(tmp_path, judges=["phrasess"], criteria={"exaggerated": {"max": 0.9, "judge": "phrases"}})

    done = call("plan", file)

    assert (done.code, "unknown judge 'phrasess'; did you mean 'phrases'?" in done.err) == (2, True)


def test_a_criterion_that_names_no_judge_of_the_study_is_told_with_the_nearest(call: Call, tmp_path: Path) -> None:
    file = write_study(tmp_path, judges=["phrases"], criteria={"exaggerated": {"max": 0.9, "judge": "phrase"}})

    done = call("plan", file)

    assert (done.code, "where: criteria.exaggerated.judge" in done.err) == (2, True)
    assert "criteria name judge 'phrase', which judges lacks; did you mean 'phrases'?" in done.err
