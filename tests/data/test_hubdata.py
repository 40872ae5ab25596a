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
    ours |= {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "PYTHONPATH": str(Path(__file__).parents[1])}
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
    licences = {one["source"]: one["num_rows"] for one in json.loads(after.stdout)["licences"]}
    assert licences[f"{NAME}@{COMMIT[:8]}"] == 6


def test_a_data_set_that_moved_on_is_refused_by_a_study_that_began(hub: Hub, tmp_path: Path) -> None:
    study, home = write_study(tmp_path / "study"), tmp_path / "home"
    safedose(hub, "data", "fetch", NAME, home=home)
    assert safedose(hub, "mix", study.parent, *safety(NAME), home=home).returncode == 0
    write_rows(hub.folder / "data" / "train-0.jsonl", ROWS[:3])
    hub.commit = "b" * 40
    assert safedose(hub, "data", "fetch", NAME, home=home).returncode == 0

    done = safedose(hub, "mix", study.parent, home=home)
    assert done.returncode == 2
    assert f"the files of '{NAME}' changed since this study began" in done.stderr


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
def test_training_files_are_found_by_their_names(files: list[str], chosen: list[str], tmp_path: Path) -> None:
    assert [one.relative_to(tmp_path).as_posix() for one in _chosen("a/b", made(tmp_path, files), None)] == chosen


@pytest.mark.parametrize(
    "files", [["a.jsonl", "b.jsonl"], ["README.md"], ["constrained.csv", "b.csv"], ["en/train.csv", "fr/train.csv"]]
)  # fmt: skip
def test_files_are_not_guessed(files: list[str], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it is not plain which files"):
        _chosen("a/b", made(tmp_path, files), None)


def made(folder: Path, files: list[str]) -> Path:
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()
    return folder


@pytest.mark.parametrize(
    ("name", "is_one"),
    [(NAME, True), (f"{NAME}@main", True), ("data/rows.csv", False), ("rows", False), ("a/b/c", False), ("d/e", False)],
)  # fmt: skip
def test_a_name_with_an_ending_or_on_the_disk_is_a_file(name: str, is_one: bool, tmp_path: Path) -> None:
    (tmp_path / "d" / "e").mkdir(parents=True)

    assert is_hub_data(name, root=tmp_path) == is_one
