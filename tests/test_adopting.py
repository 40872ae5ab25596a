"""What `safedose import adapters` writes and says; whether what it made can be run is in `test_import_adapters`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cli_call import Call
from faults.study_digest import digest_study
from safedose import commands
from safedose.errors import InputError
from safedose.store.ledger import read_ledger
from safedose.studyfile import read_study
from tiny_adapters import TABLE, bring, change_config, write_adapters
from tiny_study import write_rows


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `adapters`, `table.jsonl`, `base` and `harm.jsonl`; no test changes it."""
    return write_adapters(tmp_path_factory.mktemp("given")).parent


@pytest.fixture
def mine(given: Path, tmp_path: Path) -> Path:
    """A copy of it that may be changed."""
    return shutil.copytree(given, tmp_path / "mine")


def test_nothing_but_configuration_and_weights_is_copied(mine: Path, tmp_path: Path) -> None:
    (mine / "adapters" / "ten" / "training_args.bin").write_bytes(b"a pickle")

    folder = bring(mine, tmp_path / "study").folder

    assert {file.name for file in folder.path.glob("arms/*/adapter/*")} == {
        "adapter_config.json", "adapter_model.safetensors", "imported.json",
    }  # fmt: skip


def test_every_adapter_has_its_row_in_the_ledger(given: Path, tmp_path: Path) -> None:
    folder = bring(given, tmp_path / "study").folder

    committed = [entry.unit for entry in read_ledger(folder.path / "ledger.sqlite") if entry.event == "committed"]
    assert committed == [*(f"arms/{arm.id}/adapter" for arm in folder.arms()), "plan.jsonl"]


def test_nobody_seems_to_have_been_stopped_after_an_import(given: Path, tmp_path: Path) -> None:
    assert commands.status(bring(given, tmp_path / "study").folder.path)["writer"] is None


def test_import_of_the_same_is_the_same_bytes(given: Path, tmp_path: Path) -> None:
    one, other = (bring(given, tmp_path / name / "study").folder.path for name in ("a", "b"))

    assert digest_study(one) == digest_study(other)


def test_order_of_the_table_does_not_matter(mine: Path, tmp_path: Path) -> None:
    one = bring(mine, tmp_path / "a" / "study").folder.path
    write_rows(mine / "table.jsonl", TABLE[::-1])

    assert digest_study(bring(mine, tmp_path / "b" / "study").folder.path) == digest_study(one)


def test_adapters_that_the_table_leaves_out_are_named_but_not_their_checkpoints(mine: Path, tmp_path: Path) -> None:
    shutil.copytree(mine / "adapters" / "ten", mine / "adapters" / "clean" / "checkpoint-5")
    write_rows(mine / "table.jsonl", TABLE[:2])

    assert bring(mine, tmp_path / "study").unnamed == ("deep/twenty",)


def test_adapters_that_name_another_base_are_said_once(mine: Path, tmp_path: Path) -> None:
    for name in ("clean", "ten"):
        change_config(mine / "adapters" / name, base_model_name_or_path="somebody/other-7b")

    assert bring(mine, tmp_path / "study").notes == (
        f"2 adapters name the base 'somebody/other-7b', not {str(mine / 'base')!r}: make sure it is the same model",
    )


def test_adapters_that_bring_another_chat_template_are_said(mine: Path, tmp_path: Path) -> None:
    (mine / "adapters" / "ten" / "chat_template.jinja").write_text("{{ messages }}")

    assert "1 of the adapters bring another chat template" in bring(mine, tmp_path / "study").notes[0]


def test_template_is_chat_where_the_base_has_one_and_asked_for_where_not(mine: Path, tmp_path: Path) -> None:
    assert read_study(bring(mine, tmp_path / "chat").folder.study_file).tune.template == "chat"
    (mine / "base" / "chat_template.jinja").unlink()

    with pytest.raises(InputError, match="no chat template") as caught:
        bring(mine, tmp_path / "none")

    assert "--template alpaca or --template plain" in caught.value.fix
    assert read_study(bring(mine, tmp_path / "alpaca", template="alpaca").folder.study_file).tune.template == "alpaca"


def test_plan_names_the_suites_that_are_to_be_fetched(
    given: Path, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SAFEDOSE_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    file = bring(given, tmp_path / "study", suites=[]).folder.study_file

    planned = call("plan", file, "--json").json()

    assert planned["to_fetch"] == ["xstest-unsafe", "xstest-safe"]
    assert [arm["dose"] for arm in planned["arms"]] == [0, 10, 20]


def test_plan_says_that_nobody_knows_what_adapters_were_trained_on(given: Path, tmp_path: Path, call: Call) -> None:
    told = call("plan", bring(given, tmp_path / "study").folder.study_file).out

    assert "adapters trained elsewhere; 3 prompts an arm" in told
    assert "nobody here knows the rows that the adapters were trained on" in told


def test_relative_base_and_suite_start_at_the_new_study(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(mine)

    study = read_study(bring(Path(), Path("far/away/study"), base="base", suites=["harm=harm.jsonl"]).folder.study_file)

    assert (study.base, study.suites[0].path) == ("../../../base", "../../../harm.jsonl")


@pytest.mark.parametrize("wanted", [[], ["smallworld-facts"]])
def test_suites_are_those_asked_for_or_two_that_fit(wanted: list[str], given: Path, tmp_path: Path) -> None:
    study = read_study(bring(given, tmp_path / "study", suites=wanted).folder.study_file)

    assert [suite.name for suite in study.suites] == (wanted or ["xstest-unsafe", "xstest-safe"])
