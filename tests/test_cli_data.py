"""`safedose data`: listing, checking and fetching by name; only fetching may ask the network."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cli_call import Call
from safedose.data.sources import SOURCES

NAME = "q-harm"


@pytest.fixture(autouse=True)
def empty_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin with no data anywhere."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("SAFEDOSE_DATA", raising=False)


@pytest.fixture
def here(data_dir: Path, tmp_path: Path) -> Path:
    """A folder of data with one suite in it; gives its file."""
    path = SOURCES[NAME].files[0].path
    (tmp_path / "data" / path).parent.mkdir(parents=True)
    return Path(shutil.copy(data_dir / path, tmp_path / "data" / path))


def test_the_list_names_every_source_and_says_what_is_here(call: Call, here: Path, tmp_path: Path) -> None:
    sources = call("data", "list", "--data-dir", tmp_path / "data", "--json").json()["sources"]

    assert [one["id"] for one in sources] == list(SOURCES)
    assert [one["id"] for one in sources if one["here"] == "here"] == [NAME]


def test_the_list_is_a_table_for_people(call: Call) -> None:
    done = call("data", "list")

    assert (done.code, done.err) == (0, "")
    assert [name for name in SOURCES if name not in done.out] == []
    assert "unverified" in done.out


def test_the_folder_may_come_from_the_environment(
    call: Call, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAFEDOSE_DATA", str(tmp_path / "data"))

    assert call("data", "check", "--json").json()["files"][0]["id"] == NAME


def test_a_check_of_right_bytes_succeeds(call: Call, here: Path, tmp_path: Path) -> None:
    done = call("data", "check", "--data-dir", tmp_path / "data", "--json")

    assert (done.code, [one["state"] for one in done.json()["files"]]) == (0, ["ok"])


def test_a_check_of_other_bytes_exits_1_and_says_which(call: Call, here: Path, tmp_path: Path) -> None:
    here.write_bytes(here.read_bytes() + b" ")
    done = call("data", "check", "--data-dir", tmp_path / "data")

    assert done.code == 1
    assert f"{NAME}: differs" in done.out


def test_a_check_of_what_is_absent_says_so(call: Call) -> None:
    done = call("data", "check", NAME, "--json")

    assert (done.code, done.json()["files"][0]["state"]) == (0, "absent")


def test_what_is_here_or_made_is_not_fetched(call: Call, here: Path, tmp_path: Path) -> None:
    done = call("data", "fetch", NAME, "smallworld-safety", "--data-dir", tmp_path / "data")

    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [f"{NAME}: ok  {here}", "smallworld-safety: made by safedose"]


@pytest.mark.parametrize("verb", ["fetch", "check"])
def test_an_unknown_name_exits_2(call: Call, verb: str) -> None:
    done = call("data", verb, "dolli")

    assert done.code == 2
    assert "did you mean 'dolly'?" in done.err


def test_an_unknown_name_is_met_before_anything_is_fetched(call: Call) -> None:
    assert call("data", "fetch", NAME, "dolli").code == 2
