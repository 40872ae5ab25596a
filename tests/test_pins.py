"""The lock notes which bytes of the catalogue's files a study began with; later runs hold theirs against it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli_call import Call
from safedose.data.places import Pin
from safedose.errors import InputError
from safedose.pins import check_pins, pinned
from safedose.store import StudyFolder
from tiny_study import write_study

OLD = Pin("mine", None, "0" * 64, verified=False)
NEW = Pin("mine", None, "1" * 64, verified=False)
OTHER = Pin("other", "c" * 40, "2" * 64, verified=True)
SETTINGS = ("--set", "data.safety=[{source: paper-safety, rows: 6}]", "--set", "suites=[{name: q-harm, limit: 3}]")


def noted(folder: Path, *pins: Pin) -> StudyFolder:
    """A study folder whose lock notes some pins."""
    study = StudyFolder(folder)
    (folder / "lock.json").write_text(json.dumps({"overrides": [], "data": pinned(study, pins)}))
    return study


def test_the_same_bytes_and_new_sources_are_fine(tmp_path: Path) -> None:
    check_pins(noted(tmp_path, OLD), [OLD, OTHER])


def test_other_bytes_than_noted_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the files of 'mine' changed since this study began") as caught:
        check_pins(noted(tmp_path, OTHER, OLD), [OTHER, NEW])

    assert "safedose data check mine" in caught.value.fix


def test_what_was_noted_once_stays_noted(tmp_path: Path) -> None:
    assert pinned(noted(tmp_path, OLD), [OTHER]).keys() == {"mine", "other"}


@pytest.mark.parametrize("data", [None, 5, [], {"mine": 5}, {"mine": {"sha256": 5}}])
def test_what_is_no_note_counts_as_not_there(tmp_path: Path, data: object) -> None:
    (tmp_path / "lock.json").write_text(json.dumps({"overrides": [], "data": data}))

    check_pins(StudyFolder(tmp_path), [OLD])


def test_a_study_notes_what_it_took_from_the_catalogue(
    call: Call, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAFEDOSE_DATA", str(data_dir))
    study = write_study(tmp_path / "study", criteria={})

    assert call("mix", study, *SETTINGS).code == 0
    data = json.loads(study.with_name("lock.json").read_text())["data"]
    assert {name: (one["sha256"][:8], one["verified"]) for name, one in data.items()} == {
        "paper-safety": ("7dde08ac", True),
        "q-harm": ("ecc1d190", True),
    }


def test_a_plan_names_the_licences_and_warns(
    call: Call, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAFEDOSE_DATA", str(data_dir))
    out = call("plan", write_study(tmp_path / "study", criteria={}), *SETTINGS).out

    assert "data: paper-safety@7dde08ac: 6 rows, CC BY-NC 4.0" in out
    assert "not for commercial use, by its licence: paper-safety@7dde08ac" in out


def test_without_the_data_a_plan_says_how_to_get_them_and_a_run_is_refused(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("SAFEDOSE_DATA", raising=False)
    study = write_study(tmp_path / "study", criteria={})
    planned, done = call("plan", study, *SETTINGS), call("run", study, *SETTINGS)

    assert (planned.code, done.code) == (0, 2)
    assert "safedose data fetch paper-safety" in planned.out
    assert "safedose data fetch paper-safety" in done.err
