"""Names that could lead a file elsewhere, or that some disk cannot hold or tells apart from no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refusing import Refused
from safedose.kinds import is_name
from safedose.naming import new_arm
from safedose.records import Arm
from safedose.store import StudyFolder

NAMES = {
    "nothing": "''",
    "a blank": "' '",
    "a dot": ".",
    "two dots": "..",
    "the folder above": "../x",
    "two folders above": "../../x",
    "a way out and back": "x/../../y",
    "a folder": "a/b",
    "an absolute path": "/etc/passwd",
    "a drive": "C:x",
    "a folder of Windows": "a\\b",
    "a share of Windows": "\\\\host\\share",
    "the home folder": "~",
    "a variable": "$HOME",
    "a leading dot": ".hidden",
    "a leading hyphen": "'-rf'",
    "a leading underscore": "_x",
    "a blank inside": "a b",
    "a blank behind": "'a '",
    "a dot behind": "a.",
    "many dots behind": "a...",
    "a colon": "'a:b'",
    "a star": "'a*'",
    "a question mark": "'a?'",
    "a quote": "'a\"b'",
    "a pipe": "'a|b'",
    "a percentage": "a%2fb",
    "an accent": "caf\u00e9",
    "another script": "\u0430\u0431\u0432",
    "full-width letters": "\uff41\uff42",
    "a zero-width blank": "a\u200bb",
    "a change of direction": "a\u202eb",
    "a picture": "\U0001f600",
    "a line separator": '"a\\u2028b"',
    "a line break": '"a\\nb"',
    "a NUL": '"a\\0b"',
    "65 letters": "x" * 65,
    "300 letters": "x" * 300,
    "100,000 letters": "x" * 100_000,
    "the console of Windows": "CON",
    "the console in small letters": "con",
    "the printer": "PRN",
    "nowhere": "nul",
    "nowhere with an ending": "nul.tar.gz",
    "a port": "COM1",
    "a port with an ending": "lpt9.txt",
}

TWINS = {
    "suites of one name": "suites=[{name: harm, path: harm.jsonl}, {name: harm, path: fine.jsonl}]",
    "suites that differ in case": "suites=[{name: harm, path: harm.jsonl}, {name: Harm, path: fine.jsonl}]",
    "a suite by name and as a group": "suites=[smallworld-benign, {name: smallworld-benign}]",
    "judges of one name": "judges=[phrases, phrases]",
    "bases of one name": "base=[base, base]",
    "a dose twice": "mix.doses=[0, 4, 4]",
    "a share twice": 'mix.doses=["20%", "20%"]',
    "a dose twice outside the grid": "mix.also=[{doses: [4, 4]}]",
    "a format twice": "mix.formats=[instruction, instruction]",
    "a strategy twice": "mix.strategies=[direct, direct]",
    "a format twice outside the grid": "mix.also=[{doses: [4], formats: [question, question]}]",
    "a suite twice in a criterion": "criteria.harmful={max: 0.9, suites: [harm, harm]}",
    "a layer twice": "tune.lora_modules=[q_proj, q_proj]",
}


IDS = st.text(st.characters(exclude_categories=("Cs",)), max_size=80) | st.sampled_from(
    ["phrases", "Phrases", "con", "CON", "nul", "../x", "a/b", "a:b", "A:B", "a-b", "", ".", "..", "-", "x" * 300]
)


def arm_of(run: str) -> Arm:
    return new_arm(
        base="b", run=run, ladder="add", strategy="direct", format="mixed", dose=10**9, draw_seed=0, train_seed=0,
        made_of="m",
    )  # fmt: skip


def verdicts(judge: str) -> Path:
    """Where the verdicts of a judge lie in a study."""
    return StudyFolder(Path("study")).verdicts(arm_of("default"), judge, "harm").path


@given(IDS)
def test_verdicts_of_any_judge_stay_in_the_study(judge: str) -> None:
    *above, folder, file = verdicts(judge).parts

    assert above == ["study", "arms", arm_of("default").id, "verdicts"]
    assert is_name(folder)
    assert file == "harm.parquet"


@given(IDS, IDS)
def test_no_two_judges_share_a_folder_on_any_disk(one: str, other: str) -> None:
    assert (str(verdicts(one)).lower() == str(verdicts(other)).lower()) == (one == other)


@given(IDS)
def test_arm_of_any_run_can_be_a_folder(run: str) -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9.-]{0,99}", arm_of(run).id)


@given(st.text("abCON.19-_/\\: \u0430\n", max_size=70))
def test_name_is_one_part_of_a_path_and_its_own_spelling(name: str) -> None:
    if is_name(name):
        assert Path("study", name).parts == ("study", name)
        assert name.isascii()
        assert name.isprintable()


@pytest.mark.parametrize("wrong", NAMES)
def test_name_of_a_study_is_refused(wrong: str, study: Path, refused: Refused) -> None:
    refused("run", study, "--set", f"name={NAMES[wrong]}")


@pytest.mark.parametrize("wrong", NAMES)
def test_name_of_a_suite_is_refused(wrong: str, study: Path, refused: Refused) -> None:
    refused("run", study, "--set", f"suites=[{{name: {NAMES[wrong]}, path: harm.jsonl}}]")


@pytest.mark.parametrize("wrong", TWINS)
def test_name_given_twice_is_refused(wrong: str, study: Path, refused: Refused) -> None:
    refused("run", study, "--set", TWINS[wrong], saying="named twice")
