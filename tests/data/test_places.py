"""Where the catalogue's files are looked for, and what is made of their bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from safedose.data.places import cache_dir, data_dirs, joined, locate, pin, record, require
from safedose.data.releases import File, Source
from safedose.errors import InputError

RIGHT = b'{"prompt": "a", "response": "b"}\n'
SHA256 = hashlib.sha256(RIGHT).hexdigest()
KNOWN = File(address="https://example.org/a", path="some/a.jsonl", sha256=SHA256)
UNKNOWN = File(address="https://example.org/a", path="some/a.jsonl")


def source(*files: File) -> Source:
    return Source(id="mine", kind="safety", files=files, licence="MIT", commercial="yes", note="")


def put(folder: Path, content: bytes, name: str = "some/a.jsonl") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture(autouse=True)
def no_other_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's own cache and data out of sight."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("SAFEDOSE_DATA", raising=False)


def test_the_cache_is_in_the_users_own(tmp_path: Path) -> None:
    assert cache_dir() == tmp_path / "cache" / "safedose"


def test_without_a_setting_the_cache_is_in_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")

    assert cache_dir() == Path.home() / ".cache" / "safedose"


def test_a_given_folder_comes_before_the_environments_and_the_cache_is_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAFEDOSE_DATA", str(tmp_path / "env"))

    assert data_dirs() == (tmp_path / "env", cache_dir())
    assert data_dirs(tmp_path / "given") == (tmp_path / "given", cache_dir())


@pytest.mark.parametrize(
    ("file", "content", "state"),
    [
        (KNOWN, None, "absent"),
        (KNOWN, RIGHT, "ok"),
        (KNOWN, RIGHT[:-1], "differs"),
        (UNKNOWN, RIGHT, "unverified"),
    ],
)
def test_what_is_made_of_the_bytes(tmp_path: Path, file: File, content: bytes | None, state: str) -> None:
    if content is not None:
        put(tmp_path, content)

    assert [one.state for one in locate(source(file), data_dir=tmp_path)] == [state]


@pytest.mark.parametrize(("content", "state"), [(RIGHT, "recorded"), (RIGHT[:-1], "differs")])
def test_an_unknown_file_is_held_against_what_was_noted_when_it_was_fetched(
    tmp_path: Path, content: bytes, state: str
) -> None:
    path = put(tmp_path, content)
    record(UNKNOWN, path, path, SHA256)

    assert [one.state for one in locate(source(UNKNOWN), data_dir=tmp_path)] == [state]


def test_a_repacked_copy_stands_in_for_the_file(tmp_path: Path) -> None:
    copy = File(address="", path="copy.jsonl", sha256=SHA256)
    put(tmp_path, RIGHT, "copy.jsonl")
    file = File(address="https://example.org/a", path="some/a.jsonl", repacked=copy)

    assert [(one.path.name, one.state) for one in require(source(file), data_dir=tmp_path)] == [("copy.jsonl", "ok")]


def test_what_is_absent_names_the_command_that_fetches_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="are not on this machine") as caught:
        require(source(KNOWN), data_dir=tmp_path)

    assert "`safedose data fetch mine`" in caught.value.fix


def test_other_bytes_are_not_used(tmp_path: Path) -> None:
    path = put(tmp_path, b"other")

    with pytest.raises(InputError, match="is in the catalogue") as caught:
        require(source(KNOWN), data_dir=tmp_path)

    assert caught.value.where == str(path)


def test_a_file_that_changes_is_hashed_again(tmp_path: Path) -> None:
    put(tmp_path, RIGHT)
    require(source(KNOWN), data_dir=tmp_path)
    put(tmp_path, RIGHT + RIGHT)

    with pytest.raises(InputError):
        require(source(KNOWN), data_dir=tmp_path)


def test_one_file_is_pinned_by_its_hash(tmp_path: Path) -> None:
    put(tmp_path, RIGHT)

    assert (pin(source(KNOWN), data_dir=tmp_path).sha256, pin(source(KNOWN), data_dir=tmp_path).verified) == (
        SHA256,
        True,
    )


def test_what_nobody_can_check_is_pinned_as_unverified(tmp_path: Path) -> None:
    put(tmp_path, RIGHT)

    assert not pin(source(UNKNOWN), data_dir=tmp_path).verified


def test_several_files_are_pinned_by_all_their_hashes(tmp_path: Path) -> None:
    first, second = put(tmp_path, RIGHT, "1"), put(tmp_path, b"other", "2")
    one, two = (source(File(address="", path=path.name)) for path in (first, second))
    both = source(*one.files, *two.files)

    hashes = {joined(locate(what, data_dir=tmp_path)) for what in (one, two, both)}
    assert len(hashes) == 3
