"""Cases 5, 7 and 10: disks, permissions and limits that refuse; the message names the path, and nothing is lost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.injector import assert_told
from faults.jobs import NOT_ALLOWED
from faults.kill_loop import Undisturbed
from faults.nursery import Ended, Nursery
from faults.study_digest import digest_study

INPUTS = {"base", "fine.jsonl", "harm.jsonl", "instruction.jsonl", "safety.jsonl", "study.yaml"}


@pytest.fixture
def open_to_all(toy: Path, room: Path) -> Iterator[Path]:
    """A small toy study that somebody who owns nothing may read."""
    room.chmod(0o755)
    for path in (toy.parent, toy, *toy.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    yield toy
    room.chmod(0o700)


def allowed(ended: Ended) -> Ended:
    if ended.code == NOT_ALLOWED:
        pytest.skip("this system gives a process no mounts of its own")
    return ended


def test_disk_that_is_full_is_named_with_its_bytes_until_it_has_room(
    nursery: Nursery, toy: Path, small: Undisturbed, room: Path
) -> None:
    disk = room / "disk"
    disk.mkdir()
    ended = allowed(nursery.run("run_on_growing_disk", str(toy), str(disk), [*range(256, 1024, 64), 8192]))

    assert "Traceback" not in ended.said
    codes = re.findall(r"^exit (\d)$", ended.said, re.MULTILINE)
    assert codes[0] in "12"
    assert codes[-1] == "0"
    told = re.findall(r"error: the disk .*[0-9,]+ bytes.*\n  where: (.*)\n  cause: .*\n  fix: ", ended.said)
    assert len(told) == sum(code != "0" for code in codes)
    assert all(place.startswith(str(disk)) for place in told)
    assert digest_study(toy) == small.digest


def test_read_only_disk_is_refused_before_any_work(nursery: Nursery, toy: Path) -> None:
    ended = allowed(nursery.run("run_read_only", str(toy)))

    assert ended.code == 2
    assert_told(ended, toy)
    assert {path.name for path in toy.iterdir()} == INPUTS


def test_folder_of_somebody_else_is_refused_before_any_work(nursery: Nursery, open_to_all: Path) -> None:
    ended = nursery.run("run_as_nobody", str(open_to_all))

    assert ended.code == 2
    assert_told(ended, open_to_all)
    assert {path.name for path in open_to_all.iterdir()} == INPUTS


@pytest.mark.parametrize("name", ["safety.jsonl", "harm.jsonl", "base/config.json", "base/model.safetensors", "base"])
def test_input_that_may_not_be_read_is_named(name: str, nursery: Nursery, open_to_all: Path) -> None:
    (open_to_all / name).chmod(0)

    ended = nursery.run("run_as_nobody", str(open_to_all))

    assert ended.code in (1, 2)
    assert_told(ended, open_to_all / name)


@pytest.mark.parametrize(
    "name",
    [
        "plan.jsonl", "ledger.sqlite", "arms/*/mixture.parquet", "arms/*/adapter", "arms/*/adapter.manifest.json",
        "arms/*/adapter/tuning.json", "arms/*/responses", "arms/*/verdicts/*/long.parquet", "summary.json",
    ],
)  # fmt: skip
def test_artefact_that_may_not_be_read_is_named_and_kept(
    name: str, nursery: Nursery, open_to_all: Path, small: Undisturbed
) -> None:
    assert nursery.run("run", str(open_to_all)).code == 0
    (hidden,) = open_to_all.glob(name)
    for path in (open_to_all, *open_to_all.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    hidden.chmod(0)

    ended = nursery.run("run_as_nobody", str(open_to_all))
    hidden.chmod(0o777)

    assert ended.code in (1, 2), ended.said
    assert_told(ended, hidden)
    assert nursery.run("run", str(open_to_all)).code == 0
    assert digest_study(open_to_all) == small.digest


@pytest.mark.parametrize(
    ("limit", "amounts"),
    [("RLIMIT_NOFILE", range(6, 18)), ("RLIMIT_FSIZE", [1 << bits for bits in range(9, 19)]), ("RLIMIT_AS", [0])],
)
def test_limit_of_the_system_is_told_and_costs_nothing(
    limit: str, amounts: list[int], nursery: Nursery, toy: Path, small: Undisturbed
) -> None:
    for most in amounts:
        ended = nursery.run("run_limited", str(toy), limit, most)
        assert ended.code in (0, 1, 2), f"{limit} {most}: {ended.said}"
        if ended.code:
            assert_told(ended, toy)
    assert nursery.run("run", str(toy)).code == 0
    assert digest_study(toy) == small.digest
