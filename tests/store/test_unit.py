"""Units of work: one is there when it is complete, undamaged and made from its key; else it is not."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safedose.errors import RunError, SafedoseError
from safedose.naming import new_arm
from safedose.records import Arm
from safedose.store import STAGE_VERSIONS, StudyFolder, Unit, digest, stage_key, write_text
from safedose.store.durable import parse_json
from safedose.store.ledger import read_ledger
from safedose.store.writer import LEDGER, writing

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def make_arm(**changes: Any) -> Arm:
    cell = {"base": "b", "run": "default", "ladder": "add", "strategy": "direct", "format": "question", "dose": 3}
    return new_arm(**(cell | {"draw_seed": 0, "train_seed": 0, "made_of": "test"} | changes))


def committed(path: Path, content: bytes = b"first", *, key: str = "key") -> Unit:
    unit = Unit(path, key)
    with unit.commit() as out:
        out.write_bytes(content)
    return unit


def committed_folder(path: Path, *, key: str = "key") -> Unit:
    unit = Unit(path, key)
    with unit.commit() as out:
        (out / "deep").mkdir(parents=True)
        (out / "deep" / "weights").write_bytes(b"weights")
        (out / "README.md").write_text("card")
    return unit


def manifest(unit: Unit) -> Path:
    return unit.path.with_name(unit.path.name + ".manifest.json")


def test_committed_file_is_read_back(tmp_path: Path) -> None:
    unit = committed(tmp_path / "unit.parquet")

    assert unit.is_committed()
    assert unit.committed().read_bytes() == b"first"


def test_nothing_is_committed_before_the_block_ends(tmp_path: Path) -> None:
    unit = Unit(tmp_path / "unit", "key")
    with unit.commit() as out:
        out.write_bytes(b"half")

        assert not unit.path.exists()
        assert not unit.is_committed()


def test_error_inside_the_block_leaves_the_old_artefact(tmp_path: Path) -> None:
    old = committed(tmp_path / "unit")
    with suppress(ZeroDivisionError), Unit(old.path, "new").commit() as out:
        out.write_bytes(b"half")
        raise ZeroDivisionError

    assert old.is_committed()
    assert old.committed().read_bytes() == b"first"


def test_block_that_writes_nothing_leaves_the_old_artefact(tmp_path: Path) -> None:
    old = committed(tmp_path / "unit")
    with pytest.raises(RunError, match="nothing was written for unit"), Unit(old.path, "new").commit():
        pass

    assert old.is_committed()


def test_leftovers_of_a_kill_are_swept_by_the_next_commit(tmp_path: Path) -> None:
    (tmp_path / "unit.partial").mkdir()
    (tmp_path / "unit.partial" / "half").write_bytes(b"half")

    committed(tmp_path / "unit")

    assert sorted(file.name for file in tmp_path.iterdir()) == ["unit", "unit.manifest.json"]


def test_artefact_without_manifest_is_not_there(tmp_path: Path) -> None:
    unit = committed(tmp_path / "unit")
    manifest(unit).unlink()  # the manifest comes last: this is what a kill just before it leaves

    assert not unit.is_committed()
    assert not unit.exists()
    with pytest.raises(RunError, match="unit is not there"):
        unit.committed()


def test_manifest_without_artefact_is_not_a_hit(tmp_path: Path) -> None:
    unit = committed(tmp_path / "unit")
    unit.path.unlink()

    assert not unit.is_committed()
    with pytest.raises(RunError, match="unit is not what was committed"):
        unit.committed()


def test_another_key_is_not_a_hit(tmp_path: Path) -> None:
    assert not Unit(committed(tmp_path / "unit").path, "other").is_committed()


def test_new_commit_replaces_the_old(tmp_path: Path) -> None:
    old = committed(tmp_path / "unit")
    new = committed(tmp_path / "unit", b"second", key="new")

    assert (old.is_committed(), new.is_committed()) == (False, True)
    assert new.path.read_bytes() == b"second"


@pytest.mark.parametrize("position", range(len(b"first")))
def test_flipped_bit_of_a_file_is_found(position: int, tmp_path: Path) -> None:
    unit = committed(tmp_path / "unit")
    flip(unit.path, position)

    assert not unit.is_committed()
    with pytest.raises(RunError, match="not what was committed"):
        unit.committed()


def flip(file: Path, position: int, mask: int = 1) -> None:
    data = bytearray(file.read_bytes())
    data[position] ^= mask
    file.write_bytes(bytes(data))


def test_flipped_bit_of_a_manifest_gives_no_error_but_ours(tmp_path: Path) -> None:
    unit = committed(tmp_path / "unit")
    whole = manifest(unit).read_bytes()
    crashes: Counter[str] = Counter()
    for position in range(len(whole)):
        for mask in (1, 128):  # another letter; no UTF-8
            flip(manifest(unit), position, mask)
            try:
                unit.is_committed()
                with suppress(SafedoseError):
                    unit.committed()
            except Exception as crash:
                crashes[repr(crash)[:60]] += 1
            manifest(unit).write_bytes(whole)

    assert not crashes


@pytest.mark.parametrize("damage", ["change", "add", "remove", "rename"])
def test_any_change_inside_a_folder_is_found(damage: str, tmp_path: Path) -> None:
    unit = committed_folder(tmp_path / "adapter")
    weights = unit.path / "deep" / "weights"
    {
        "change": lambda: flip(weights, 0),
        "add": lambda: (unit.path / "more").write_bytes(b""),
        "remove": weights.unlink,
        "rename": lambda: weights.rename(weights.with_name("other")),
    }[damage]()

    assert not unit.is_committed()


def test_model_card_may_be_rewritten(tmp_path: Path) -> None:
    unit = committed_folder(tmp_path / "adapter")
    (unit.path / "README.md").write_text("with metrics")

    assert unit.is_committed()


def test_content_names_the_bytes_not_the_key(tmp_path: Path) -> None:
    one, same = committed(tmp_path / "a" / "unit"), committed(tmp_path / "b" / "unit", key="other")

    assert one.content() == same.content() != committed(tmp_path / "c" / "unit", b"second").content()


def test_moved_study_stays_valid(tmp_path: Path) -> None:
    arm = make_arm()
    with StudyFolder(tmp_path / "here").mixture(arm, key="key").commit() as out:
        out.write_bytes(b"rows")
    (tmp_path / "here").rename(tmp_path / "there")

    assert StudyFolder(tmp_path / "there").mixture(arm, key="key").is_committed()


def test_flipped_byte_of_a_manifest_is_damage_whatever_it_says_then(tmp_path: Path) -> None:
    unit = committed(tmp_path / "unit")
    whole = manifest(unit).read_bytes()
    found = set()
    for position in range(len(whole)):
        flip(manifest(unit), position)
        found.add((unit.condition(), parse_json(manifest(unit).read_bytes()) == parse_json(whole)))
        manifest(unit).write_bytes(whole)

    assert found <= {("damaged", False), ("committed", True)}  # a changed blank says the same
    assert ("damaged", False) in found


def test_damaged_unit_is_set_aside_by_a_writer_and_kept_for_people(tmp_path: Path) -> None:
    unit = committed(tmp_path / "unit")
    flip(unit.path, 0)
    with writing(tmp_path, "test") as writer:
        assert not Unit(unit.path, "key", writer).is_committed()

    assert writer.notes == ["unit was damaged: set aside as unit.corrupt and made again"]
    assert (tmp_path / "unit.corrupt").read_bytes() != b"first"
    assert not unit.path.exists()
    assert not manifest(unit).exists()


def test_damaged_unit_is_not_touched_without_a_writer(tmp_path: Path) -> None:
    unit = committed(tmp_path / "unit")
    flip(unit.path, 0)

    assert unit.condition() == "damaged"
    assert not unit.is_committed()
    assert unit.path.exists()


def test_second_damage_does_not_overwrite_what_was_set_aside(tmp_path: Path) -> None:
    for _ in range(2):
        unit = committed(tmp_path / "unit")
        flip(unit.path, 0)
        with writing(tmp_path, "test") as writer:
            Unit(unit.path, "key", writer).is_committed()

    assert (tmp_path / "unit.corrupt").exists()
    assert (tmp_path / "unit.corrupt-2").exists()


def test_commit_is_recorded_with_its_key_and_content(tmp_path: Path) -> None:
    with writing(tmp_path, "test") as writer, Unit(tmp_path / "a" / "unit", "key", writer).commit() as out:
        out.write_bytes(b"first")

    entry = read_ledger(tmp_path / LEDGER)[-1]
    assert (entry.event, entry.unit, entry.detail["key"]) == ("committed", "a/unit", "key")
    assert entry.detail["content"] == Unit(tmp_path / "a" / "unit", "").content()


def test_write_text_leaves_old_or_new(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "file.txt", "old")
    write_text(tmp_path / "a" / "file.txt", "new")

    assert [(file.name, file.read_text()) for file in (tmp_path / "a").iterdir()] == [("file.txt", "new")]


@given(JSON)
def test_digest_does_not_depend_on_the_order_of_keys(value: Any) -> None:
    turned = json.loads(json.dumps(value), object_pairs_hook=lambda pairs: dict(reversed(pairs)))

    assert digest(turned) == digest(value)


def test_digest_is_golden() -> None:
    """Every key of every study is made by it."""
    assert digest({"b": [1, "ä"], "a": None}) == "5d4c789751acdad9ba305072d1a6ccdc5864fd7c7a1bcc0f38a794e5a4417e02"


@pytest.mark.parametrize("changes", [{"seed": 2}, {"other": 1}])
def test_stage_key_changes_with_every_input(changes: dict[str, int]) -> None:
    assert stage_key("mix", **{"seed": 1} | changes) != stage_key("mix", seed=1)


def test_stage_key_changes_with_the_stage() -> None:
    assert len({stage_key(stage, seed=1) for stage in STAGE_VERSIONS}) == len(STAGE_VERSIONS)


def test_arm_is_named_by_all_that_made_it() -> None:
    changes: list[dict[str, Any]] = [
        {}, {"base": "c"}, {"run": "r"}, {"ladder": "replace"}, {"strategy": "balanced"}, {"format": "mixed"},
        {"dose": 4}, {"draw_seed": 1}, {"train_seed": 1}, {"made_of": "other"},
    ]  # fmt: skip

    assert len({make_arm(**change).id for change in changes}) == len(changes)


def test_arm_reads_like_what_it_is() -> None:
    assert make_arm().id.startswith("direct-question-3-s0.0-")
    assert make_arm(dose=0, strategy="none", format="none", run="My Run!").id.startswith("my-run-none-0-s0.0-")
