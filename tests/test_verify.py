"""`safedose verify`: every flipped byte is found and named, nothing sound is called damaged, nothing is changed."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import sqlite3
import threading
from pathlib import Path

import pytest

from cli_call import Call
from safedose import commands, importing, verification
from safedose.errors import InputError, RunError
from safedose.store import StudyFolder
from safedose.store.ledger import read_ledger
from safedose.store.unit import Unit
from safedose.store.writer import LEDGER
from safedose.verification import verify
from scripted_study import WATCH, an_arm, engines, finish
from tiny_study import write_rows, write_study


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a study done by scripted engines; no test changes it."""
    return finish(tmp_path_factory.mktemp("verify") / "study")


@pytest.fixture
def study(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished study that may be damaged."""
    return shutil.copytree(finished, tmp_path / "study")


def content(folder: Path) -> dict[str, str]:
    """Hash every file, and say when it was written."""
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    return {
        f"{f.relative_to(folder)} {f.stat().st_mtime_ns}": hashlib.sha256(f.read_bytes()).hexdigest() for f in files
    }


def flip(file: Path, *, chance: random.Random) -> None:
    data = bytearray(file.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    file.write_bytes(bytes(data))


def damaged(study: Path) -> list[str]:
    return [damage.path for damage in verify(study, WATCH).damaged]


def hashed_files(study: Path) -> list[Path]:
    """List every file whose bytes are vouched for: those in manifests, and the manifests."""
    ours = [study / name for name in ("plan.jsonl", "summary.json", "estimates.parquet", "report.html")]
    return [*ours, *study.glob("*.manifest.json"), *(file for file in (study / "arms").rglob("*") if file.is_file())]


def test_finished_study_is_sound(finished: Path) -> None:
    found = verify(finished, WATCH)

    assert (found.damaged, found.missing, found.leftovers, found.being_written) == ((), (), (), False)
    assert {kind: count["ok"] for kind, count in found.counts.items()} == {
        "plan": 1, "mixtures": 4, "adapters": 4, "responses": 10, "verdicts": 20, "outputs": 3, "model cards": 4,
        "ledger": 1,
    }  # fmt: skip


def test_check_changes_nothing(study: Path) -> None:
    (study / "summary.json").write_text("{}")
    before = content(study)

    verify(study, WATCH)

    assert content(study) == before


@pytest.mark.parametrize("seed", range(60))
def test_flipped_bit_in_any_file_is_found_and_named(seed: int, study: Path) -> None:
    chance = random.Random(seed)  # noqa: S311 - which bit is no secret
    file = chance.choice(hashed_files(study))

    flip(file, chance=chance)

    assert file.relative_to(study).as_posix() in damaged(study)


@pytest.mark.parametrize("name", ["mixture.parquet", "adapter/adapter_model.safetensors", "adapter/README.md"])
def test_file_that_is_gone_is_damage(name: str, study: Path) -> None:
    (an_arm(study) / name).unlink()

    (damage,) = verify(study, WATCH).damaged
    assert (damage.path, damage.problem) == (f"arms/{an_arm(study).name}/{name}", "is gone")


def test_file_that_was_added_to_an_adapter_is_damage(study: Path) -> None:
    (an_arm(study) / "adapter" / "extra.bin").write_bytes(b"?")

    assert damaged(study) == [f"arms/{an_arm(study).name}/adapter/extra.bin"]


def test_unit_replaced_together_with_its_manifest_is_found(study: Path) -> None:
    unit = Unit(an_arm(study) / "mixture.parquet", Unit(an_arm(study) / "mixture.parquet", "").manifest()["key"])
    with unit.commit() as path:  # without a writer, so that the ledger does not hear of it
        path.write_bytes(b"other rows")

    (damage,) = verify(study, WATCH).damaged
    assert damage.problem == "is not what the ledger says was committed"


def test_changed_ledger_is_damage(study: Path) -> None:
    database = sqlite3.connect(study / LEDGER)
    database.executescript("DROP TRIGGER never_changed; UPDATE entries SET epoch = 9 WHERE seq = 3")
    database.close()

    (damage,) = verify(study, WATCH).damaged
    assert (damage.path, damage.problem) == (LEDGER, "is damaged: row 3 is not what was written")


def test_damaged_plan_does_not_hide_other_damage(study: Path) -> None:
    file = an_arm(study) / "mixture.parquet"
    file.write_bytes(b"?")
    (study / "plan.jsonl").write_text("{")

    assert damaged(study) == ["plan.jsonl", file.relative_to(study).as_posix()]


def test_damage_that_no_run_mends_may_be_removed(study: Path) -> None:
    commands.run(study / "study.yaml", ["mix.doses=[0]", "criteria={}"], WATCH, engines())
    (arm,) = (study / "arms").glob("direct-instruction-4-s0.0-*")
    (arm / "mixture.parquet").write_bytes(b"?")

    (damage,) = verify(study, WATCH).damaged
    assert "the plan has it no more: remove it" in damage.problem


def test_run_mends_what_the_check_found(study: Path) -> None:
    chance = random.Random(1)  # noqa: S311
    for file in chance.sample(hashed_files(study), 8):
        flip(file, chance=chance)
    assert damaged(study)

    commands.run(study / "study.yaml", [], WATCH, engines())

    assert damaged(study) == []


def test_unfinished_study_lacks_units_and_is_sound(study: Path) -> None:
    (an_arm(study) / "adapter.manifest.json").unlink()
    (study / "outputs.manifest.json").unlink()

    found = verify(study, WATCH)

    assert found.damaged == ()
    cards = [f"arms/{arm.id}/adapter/README.md" for arm in StudyFolder(study).tuned_arms()]
    own = f"arms/{an_arm(study).name}/adapter"
    assert {*found.missing} == {own, "estimates.parquet", "summary.json", "report.html", *cards} - {f"{own}/README.md"}


def test_study_that_never_ran_lacks_its_plan(tmp_path: Path) -> None:
    found = verify(write_study(tmp_path), WATCH)

    assert (found.damaged, found.missing[0]) == ((), "plan.jsonl")


def test_arm_whose_training_failed_lacks_nothing(study: Path) -> None:
    folder = StudyFolder(study)
    arm = folder.tuned_arms()[1]
    for part in ("adapter", "responses", "verdicts"):
        shutil.rmtree(folder.adapter(arm).path.with_name(part))
    folder.adapter(arm).manifest_path.unlink()
    with folder.failure(arm, key="k").commit() as path:
        path.write_text(json.dumps({"arm": arm.id, "step": 1, "reason": "a loss of nan", "kept_step": None}))

    found = verify(study, WATCH)

    assert (found.damaged, found.missing) == ((), ())
    assert found.counts["failures"]["ok"] == 1


def test_what_stops_and_repairs_left_is_listed_and_no_damage(study: Path) -> None:
    left = [an_arm(study) / "adapter.partial", an_arm(study) / "adapter.corrupt-2", study / ".verify-1"]
    for path in left:
        path.mkdir()

    found = verify(study, WATCH)

    assert found.damaged == ()
    assert [path for path, _ in found.leftovers] == sorted(path.relative_to(study).as_posix() for path in left)


def test_work_in_hand_of_another_process_is_no_leftover(study: Path) -> None:
    (an_arm(study) / "adapter.partial").mkdir()

    with StudyFolder(study).writing("safedose run"):
        found = verify(study, WATCH)

    assert (found.being_written, found.leftovers, found.damaged) == (True, (), ())


def test_checking_while_a_study_is_being_done_finds_no_damage(tmp_path: Path) -> None:
    file = write_study(tmp_path, judges=["phrases", "exact", "tiny_study:even"])
    run = threading.Thread(target=commands.run, args=(file, [], WATCH, engines()))
    checks = []
    run.start()
    while run.is_alive():
        checks.append(verify(tmp_path, WATCH))
    run.join()

    assert {check.damaged for check in checks} == {()}
    assert any(check.being_written for check in checks)
    assert verify(tmp_path, WATCH).missing == ()


def test_ledger_that_a_kill_left_in_the_middle_of_a_row_is_sound(study: Path) -> None:
    if not os.fork():
        database = sqlite3.connect(study / LEDGER, isolation_level=None)
        database.executescript("PRAGMA journal_mode = PERSIST; PRAGMA cache_size = 1; BEGIN IMMEDIATE")
        for number in range(100):
            database.execute("INSERT INTO entries VALUES (?, 9, 0, '', '', ?, '')", (1000 + number, "x" * 4000))
        os.kill(os.getpid(), 9)
    os.wait()

    assert verify(study, WATCH).counts["ledger"]["ok"] == 1
    assert len(read_ledger(study / LEDGER)) < 1000


def test_imported_study_is_checked_too(tmp_path: Path) -> None:
    rows = [{"dose": 0, "suite": "harm", "prompt": f"{k}?", "expected": "refuse", "response": "No."} for k in range(3)]
    folder, _ = importing.import_responses(write_rows(tmp_path / "rows.jsonl", rows), tmp_path / "mine", [])
    commands.run_stage("judge", folder.path, [], WATCH)
    assert damaged(folder.path) == []

    file = next((folder.path / "arms").glob("*/responses/harm.parquet"))
    file.write_bytes(b"?")

    found = verify(folder.path, WATCH)
    assert [damage.path for damage in found.damaged] == [file.relative_to(folder.path).as_posix()]
    assert "import the responses again" in str(verification.problem(found, folder.path))


def test_bytes_are_compared_without_the_study_s_own_judge(study: Path) -> None:
    text = (study / "study.yaml").read_text().replace("tiny_study:even", "nowhere:judge")
    (study / "study.yaml").write_text(text)

    found = verify(study, WATCH)

    assert (found.damaged, found.missing, found.counts["verdicts"]["ok"]) == ((), (), 20)
    assert "missing verdicts are not counted: cannot load 'nowhere:judge'" in found.note


def test_damaged_summary_is_not_used(study: Path) -> None:
    flip(study / "summary.json", chance=random.Random(1))  # noqa: S311

    with pytest.raises(RunError, match=r"summary\.json is not what was written(.|\n)*safedose estimate"):
        StudyFolder(study).summary()


def test_summary_of_a_stage_that_was_stopped_is_not_used(study: Path) -> None:
    folder = StudyFolder(study)
    with pytest.raises(KeyboardInterrupt), folder.outputs.rewriting("summary.json"):
        raise KeyboardInterrupt

    with pytest.raises(InputError, match=r"has not run or was stopped(.|\n)*safedose estimate"):
        folder.summary()
    assert (verify(study, WATCH).missing, damaged(study)) == (("summary.json",), [])


def test_command_prints_a_table_and_is_silent_on_a_sound_study(finished: Path, call: Call) -> None:
    done = call("verify", finished)

    assert done.code == 0
    assert "│ verdicts    │    20 │" in done.out
    assert "damaged:" not in done.out


def test_command_names_damage_and_exits_1(study: Path, call: Call) -> None:
    (study / "report.html").write_text("?")

    done = call("verify", study)

    assert done.code == 1
    assert "damaged: report.html has 1 bytes in place of" in done.out
    assert all(f"\n  {part}:" in done.err for part in ("where", "cause", "fix"))


def test_json_holds_findings_and_error_in_one_document(study: Path, call: Call) -> None:
    (study / "report.html").write_text("?")

    found = call("verify", study, "--json").json()

    assert [damage["path"] for damage in found["damaged"]] == ["report.html"]
    assert found["counts"]["outputs"] == {**found["counts"]["outputs"], "units": 3, "ok": 2, "damaged": 1}
    assert found["error"]["fix"].startswith("run `safedose estimate")
