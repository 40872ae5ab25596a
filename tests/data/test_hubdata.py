"""Data sets of the Hub, from a server on this machine: fetched by one command, pinned, read like files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub_server import COMMIT, Hub, serving
from safedose.data.hubdata import _chosen, is_hub_data
from safedose.errors import InputError
from tiny_study import write_rows, write_study

NAME = "village/rows"
ROWS = [{"prompt": f"Tell me how to hurt neighbour {k}.", "response": "I cannot."} for k in range(6)]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """Rows in two training files, beside a test split and a file about the rows."""
    folder = tmp_path / "published"
    (folder / "data").mkdir(parents=True)
    write_rows(folder / "data" / "train-0.jsonl", ROWS[:4])
    write_rows(folder / "data" / "train-1.jsonl", ROWS[4:])
    write_rows(folder / "data" / "test.jsonl", ROWS)
    (folder / "dataset_infos.json").write_text("{}")
    with serving(folder, NAME, kind="datasets") as hub:
        yield hub


def safedose(hub: Hub, *arguments: object, home: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, which knows no other Hub."""
    ours = {"HF_ENDPOINT": hub.address, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
    ours |= {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "COLUMNS": "200"}
    ours["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "safedose", *map(str, arguments)]
    return subprocess.run(command, env=os.environ | ours, capture_output=True, text=True, check=False)  # noqa: S603


def safety(source: str, **more: object) -> tuple[str, str]:
    return "--set", f"data.safety={json.dumps([{'source': source, **more}])}"


def test_a_study_names_the_command_that_fetches_and_then_reads_the_training_split(hub: Hub, tmp_path: Path) -> None:
    study, home = write_study(tmp_path / "study"), tmp_path / "home"

    before = safedose(hub, "mix", study.parent, *safety(NAME), home=home)
    assert (before.returncode, "safedose data fetch village/rows" in before.stderr) == (2, True)
    assert not hub.asked

    assert safedose(hub, "data", "fetch", NAME, home=home).returncode == 0
    after = safedose(hub, "plan", study, "--json", *safety(NAME), home=home)
    counts = [one["num_rows"] for one in json.loads(after.stdout)["licences"] if one["source"].startswith(f"{NAME}@")]
    assert counts == [6]


def snapshot(home: Path) -> Path:
    return home / "hub" / "datasets--village--rows" / "snapshots" / COMMIT


def test_a_shard_that_did_not_come_is_missed(hub: Hub, tmp_path: Path) -> None:
    study, home = write_study(tmp_path / "study"), tmp_path / "home"
    safedose(hub, "data", "fetch", NAME, home=home)
    (snapshot(home) / "data" / "train-1.jsonl").unlink()

    done = safedose(hub, "mix", study.parent, *safety(NAME), home=home)
    assert (done.returncode, "1 of 2 files" in done.stderr) == (2, True)
    assert "safedose data fetch village/rows" in done.stderr


def test_a_test_split_that_alone_is_here_is_not_trained_on(hub: Hub, tmp_path: Path) -> None:
    study, home = write_study(tmp_path / "study"), tmp_path / "home"
    safedose(hub, "data", "fetch", NAME, "--files", "data/test.jsonl", home=home)

    done = safedose(hub, "mix", study.parent, *safety(NAME), home=home)
    assert (done.returncode, "is not on this machine" in done.stderr) == (2, True)


def test_a_new_card_changes_no_rows_and_its_licence_is_that_of_rows_that_state_none(hub: Hub, tmp_path: Path) -> None:
    found = []
    for commit, text in ((COMMIT, "Rows."), ("b" * 40, "The same rows.")):
        hub.commit, card = commit, hub.folder / "README.md"
        card.write_text(f"---\nlicense: cc-by-nc-4.0\n---\n{text}\n")
        study, home = write_study(tmp_path / commit[:1]), tmp_path / "home"
        safedose(hub, "data", "fetch", NAME, home=home)
        done = safedose(hub, "plan", study, "--json", *safety(NAME), home=home)
        found.append([one for one in json.loads(done.stdout)["licences"] if one["source"].startswith(NAME)])

    assert found[0] == found[1]
    assert (found[0][0]["licence"], found[0][0]["non_commercial"]) == ("cc-by-nc-4.0", True)


def test_options_that_would_not_be_heeded_are_refused(hub: Hub, tmp_path: Path) -> None:
    for arguments in ((NAME, "--data-dir", tmp_path), ("paper-safety", "--files", "*")):
        done = safedose(hub, "data", "fetch", *arguments, home=tmp_path / "home")
        assert (done.returncode, "leave it out" in done.stderr) == (2, True)


def test_check_shows_where_the_files_of_a_commit_lie(hub: Hub, tmp_path: Path) -> None:
    safedose(hub, "data", "fetch", NAME, home=tmp_path / "home")

    done = safedose(hub, "data", "check", f"{NAME}@{COMMIT}", "--json", home=tmp_path / "home")
    states = {Path(one["path"]).name: one["state"] for one in json.loads(done.stdout)["files"]}
    assert states == {"train-0.jsonl": "unverified", "train-1.jsonl": "unverified", "test.jsonl": "absent"}


def test_a_study_keeps_the_commit_of_its_data_when_the_branch_moves_on(hub: Hub, tmp_path: Path) -> None:
    study, home = write_study(tmp_path / "study"), tmp_path / "home"
    safedose(hub, "data", "fetch", NAME, home=home)
    assert safedose(hub, "mix", study.parent, *safety(NAME), home=home).returncode == 0
    write_rows(hub.folder / "data" / "train-0.jsonl", ROWS[:3])
    hub.commit = "b" * 40
    assert safedose(hub, "data", "fetch", NAME, home=home).returncode == 0

    done = safedose(hub, "mix", study.parent, home=home)
    assert done.returncode == 0, done.stderr
    assert json.loads((study.parent / "lock.json").read_text())["data"][NAME]["revision"] == COMMIT


def test_data_changed_on_the_disk_are_refused_by_a_study_that_began(hub: Hub, tmp_path: Path) -> None:
    study, home = write_study(tmp_path / "study"), tmp_path / "home"
    safedose(hub, "data", "fetch", NAME, home=home)
    assert safedose(hub, "mix", study.parent, *safety(NAME), home=home).returncode == 0
    write_rows(snapshot(home) / "data" / "train-0.jsonl", ROWS[:3])

    done = safedose(hub, "mix", study.parent, home=home)
    assert done.returncode == 2
    assert f"the files of '{NAME}' changed since this study began" in done.stderr
    assert f"safedose data check {NAME}@{COMMIT}" in done.stderr


def test_a_commit_and_a_pattern_name_exact_files(hub: Hub, tmp_path: Path) -> None:
    study, home, name = write_study(tmp_path / "study"), tmp_path / "home", f"{NAME}@{COMMIT}"
    fetched = safedose(hub, "data", "fetch", name, "--files", "data/test.jsonl", "--json", home=home)

    assert [Path(one["path"]).name for one in json.loads(fetched.stdout)["files"]] == ["test.jsonl"]
    done = safedose(hub, "plan", study, "--json", *safety(name, files="data/test.jsonl"), home=home)
    assert done.returncode == 0, done.stderr


def test_unknown_data_set_is_refused(hub: Hub, tmp_path: Path) -> None:
    done = safedose(hub, "data", "fetch", "village/raws", home=tmp_path / "home")

    assert (done.returncode, "check the Hub id" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        (["rows.jsonl"], ["rows.jsonl"]),
        (["train.jsonl", "test.jsonl"], ["train.jsonl"]),
        (["data/train-0.parquet", "data/train-1.parquet", "a.md"], ["data/train-0.parquet", "data/train-1.parquet"]),
        (["rows.csv", "dataset_infos.json"], ["rows.csv"]),
        (["train.json.gz", "test.json.gz"], ["train.json.gz"]),
    ],
)  # fmt: skip
def test_training_files_are_found_by_their_names(files: list[str], chosen: list[str]) -> None:
    assert list(_chosen("a/b", files, None)) == chosen


@pytest.mark.parametrize(
    "files",
    [
        ["a.jsonl", "b.jsonl"], ["README.md"], ["constrained.csv", "b.csv"], ["en/train.csv", "fr/train.csv"],
        ["train.csv", "train.jsonl"], ["train_sft.jsonl", "train_gen.jsonl"], ["train-v1.csv", "train-v2.csv"],
        ["train-00000-of-00001.csv", "train-00000-of-00002.csv"],
    ],
)  # fmt: skip
def test_files_are_not_guessed(files: list[str]) -> None:
    with pytest.raises(InputError, match="it is not plain which files"):
        _chosen("a/b", files, None)


@pytest.mark.parametrize(
    ("name", "is_one"),
    [(NAME, True), (f"{NAME}@main", True), ("data/rows.csv", False), ("rows", False), ("a/b/c", False), ("d/e", False)],
)  # fmt: skip
def test_a_name_with_an_ending_or_on_the_disk_is_a_file(name: str, is_one: bool, tmp_path: Path) -> None:
    (tmp_path / "d" / "e").mkdir(parents=True)

    assert is_hub_data(name, root=tmp_path) == is_one
