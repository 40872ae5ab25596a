"""Bases of the Hub, from a server on this machine: pinned, fetched once, never more than is needed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub_server import COMMIT, Hub, safedose, serving
from safedose.bases import SMALL_WORLD, find_base
from safedose.hub import is_hub_id, parts_of_base, read_commits
from tiny_study import write_study

NAME = "village/harbour"
REFUSED = ("a--b/c", "foo/baz-", "foo/x.git", f"foo--bar/baz@{COMMIT}")  # by huggingface_hub


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """The small world's base, published in a repository beside some code and a pickle."""
    folder = tmp_path / "published"
    shutil.copytree(SMALL_WORLD, folder)
    (folder / "modeling.py").write_text("raise SystemExit")
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    with serving(folder, NAME) as hub:
        yield hub


def test_plan_fetches_no_weights_and_run_fetches_them_once(hub: Hub, tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", base=NAME)

    planned = safedose(hub, "plan", study, home=tmp_path / "home")
    assert planned.returncode == 0, planned.stderr
    assert {"config.json", "tokenizer.json"} <= hub.fetched()
    assert "model.safetensors" not in hub.fetched()

    for _ in range(2):
        assert safedose(hub, "run", study, home=tmp_path / "home").returncode == 0
    assert sum(path.endswith("model.safetensors") and path.startswith("GET") for path in hub.asked) == 1
    assert not {"modeling.py", "pytorch_model.bin"} & hub.fetched()
    assert read_commits(study.parent) == {NAME: COMMIT}


def test_a_study_keeps_its_commit_when_the_branch_moves_on(hub: Hub, tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", base=NAME)
    assert safedose(hub, "mix", study.parent, home=tmp_path / "home").returncode == 0
    (hub.folder / "config.json").write_text("{}")
    hub.commit = "b" * 40

    done = safedose(hub, "plan", study, "--json", home=tmp_path / "home")
    assert done.returncode == 0, done.stderr


def test_plan_names_what_only_the_hub_can_tell(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", base=NAME)

    done = safedose(None, "plan", study, "--json", home=tmp_path / "home")
    assert done.returncode == 0, done.stderr
    assert NAME in json.loads(done.stdout)["unknown"][0]["what"]


def test_run_without_the_hub_is_refused_before_any_work(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", base=NAME)

    done = safedose(None, "run", study, home=tmp_path / "home")
    assert done.returncode == 2
    assert "neither a folder nor to be had from the Hub" in done.stderr
    assert {file.name for file in study.parent.iterdir()} <= {"study.yaml", "base", "writer.lock"} | {
        f"{name}.jsonl" for name in ("instruction", "safety", "contrast", "harm", "fine")
    }


def test_a_tokenizer_that_did_not_come_is_fetched_by_the_next_plan(hub: Hub, tmp_path: Path) -> None:
    study, home = write_study(tmp_path / "study", base=f"{NAME}@{COMMIT}"), tmp_path / "home"
    assert safedose(hub, "plan", study, home=home).returncode == 0
    (there,) = home.rglob("snapshots/*/tokenizer.json")
    there.unlink()

    offline = safedose(None, "plan", study, "--json", home=home)
    assert NAME in json.loads(offline.stdout)["unknown"][0]["what"]
    assert safedose(hub, "plan", study, home=home).returncode == 0
    assert there.exists()


def test_a_cache_that_another_tool_filled_in_part_is_filled_up(hub: Hub, tmp_path: Path) -> None:
    study, home = write_study(tmp_path / "study", base=f"{NAME}@{COMMIT}"), tmp_path / "home"
    there = home / "hub" / "models--village--harbour" / "snapshots" / COMMIT
    there.mkdir(parents=True)
    shutil.copy(SMALL_WORLD / "config.json", there)
    shutil.copy(SMALL_WORLD / "model.safetensors", there / "model-00001-of-00002.safetensors")

    done = safedose(hub, "plan", study, home=home)
    assert done.returncode == 0, done.stderr
    assert (there / "tokenizer.json").exists()


def test_a_base_fetched_before_is_found_offline_by_a_new_study(hub: Hub, tmp_path: Path) -> None:
    for name, one in (("first", hub), ("second", None)):
        done = safedose(one, "plan", write_study(tmp_path / name, base=NAME), "--json", home=tmp_path / "home")
        assert done.returncode == 0, done.stderr
        assert not json.loads(done.stdout).get("unknown")


def test_weights_in_another_layout_and_settings_of_other_parts_are_no_part_of_a_base() -> None:
    others = ["original/model.safetensors", "consolidated.safetensors", "preprocessor_config.json", "a.py"]

    assert parts_of_base(["merges.txt", *others, "model.safetensors"]) == ("merges.txt", "model.safetensors")


@pytest.mark.parametrize(("file", "same"), [("preprocessor_config.json", True), ("merges.txt", False)])
def test_the_fingerprint_is_of_the_files_that_are_used(file: str, same: bool, tmp_path: Path) -> None:
    base = shutil.copytree(SMALL_WORLD, tmp_path / "base")
    before = find_base(str(base), root=tmp_path).fingerprint
    (base / file).write_text("{}")
    find_base.cache_clear()

    assert (find_base(str(base), root=tmp_path).fingerprint == before) == same


def test_pickled_weights_are_refused_by_plan(hub: Hub, tmp_path: Path) -> None:
    (hub.folder / "model.safetensors").unlink()
    study = write_study(tmp_path / "study", base=NAME)

    done = safedose(hub, "plan", study, home=tmp_path / "home")
    assert done.returncode == 2
    assert "has no safetensors weights" in done.stderr


def test_unknown_repository_is_refused_by_plan(hub: Hub, tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", base="village/harbor")

    done = safedose(hub, "plan", study, home=tmp_path / "home")
    assert done.returncode == 2
    assert "check the Hub id" in done.stderr


@pytest.mark.parametrize("name", ["a/b", "a/b@main", f"a/b@{COMMIT}", "meta-llama/Llama-3.1-8B", "a/b@refs/pr/1"])
def test_owner_and_name_are_a_hub_id(name: str) -> None:
    assert is_hub_id(name)


@pytest.mark.parametrize("name", ["gpt2", "a/b/c", "../b", "a/..", "/a/b", "a b/c", "a/b@", "<a folder>", *REFUSED])
def test_anything_else_is_none(name: str) -> None:
    assert not is_hub_id(name)
