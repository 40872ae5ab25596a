"""The catalogue's table: complete, consistent, in step with the suites, the docs and the published files."""

from __future__ import annotations

import csv
import dataclasses
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from safedose.data.places import look_for
from safedose.data.readers import read_rows
from safedose.data.releases import Commercial, File, Kind, Source
from safedose.data.sources import SOURCES, find_source, load_prompts, load_source, read_source
from safedose.data.suitefiles import SUITE_FILES
from safedose.data.traindata import TRAINING
from safedose.errors import InputError
from safedose.interfaces import load
from safedose.provenance import forbids_commerce
from safedose.records import Example
from safedose.suites.catalogue import SUITES, suite_from_rows
from tiny_study import write_rows

ROOT = Path(__file__).parents[2]
FILES = {file.path: file for source in SOURCES.values() for file in source.files}
ASKED = {
    "alpaca-cleaned", "alpaca-small", "dolly", "openassistant", "ultrachat", "paper-safety", "medsafety",
    "i-malicious-instructions", "i-cona", "i-controversial", "i-physicalsafety-unsafe", "i-physicalsafety-safe",
    "q-harm", "i-alpaca", "xstest-safe", "xstest-unsafe",
}  # fmt: skip
EXAMPLES = {
    "alpaca-demo": 999, "seed-tasks": 175, "medquad": 16407, "paper-safety": 2483, "hh-harmless-test": 2300,
}  # fmt: skip
"""Examples in the real files: MedQuAD without its 5 empty answers, hh without its 12 dialogues that are none."""

PROMPTS = {
    "i-malicious-instructions": 100, "i-cona": 178, "i-controversial": 40, "i-physicalsafety-unsafe": 100,
    "i-physicalsafety-safe": 100, "q-harm": 100, "i-alpaca": 50, "xstest-safe": 250, "xstest-unsafe": 200,
    "alpaca-eval": 805,
}  # fmt: skip


def known(data_dir: Path) -> dict[str, dict[str, str]]:
    """Read what the folder of real data says about its files."""
    with (data_dir / "MANIFEST.tsv").open(encoding="utf-8", newline="") as file:
        return {row["file"]: row for row in csv.DictReader(file, delimiter="\t")}


def real_files(source: Source, data_dir: Path) -> list[File]:
    """List the files of a source that are among the real data."""
    return [one for file in source.files for one in (file, file.repacked) if one and (data_dir / one.path).is_file()]


def test_no_id_stands_twice() -> None:
    assert len(SOURCES) == len(TRAINING) + len(SUITE_FILES)


def test_what_was_asked_for_is_there() -> None:
    assert SOURCES.keys() >= ASKED
    assert any(source.kind == "safety" and source.commercial == "yes" and source.files for source in SOURCES.values())


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_has_its_facts(name: str) -> None:
    source = SOURCES[name]

    assert source.id == name
    assert source.licence
    assert source.note
    assert source.kind in get_args(Kind)
    assert source.commercial in get_args(Commercial)
    assert source.page.startswith("https://") or not source.files
    assert source.reader == "rows" or callable(load(source.reader))


@pytest.mark.parametrize("path", FILES)
def test_every_file_has_an_encrypted_address_in_the_pinned_version(path: str) -> None:
    file, source = FILES[path], next(one for one in SOURCES.values() if FILES[path] in one.files)

    assert file.address.startswith("https://")
    assert (source.revision or "/resolve/main/") in file.address
    assert file.sha256 is None or re.fullmatch("[0-9a-f]{64}", file.sha256)
    assert not Path(path).is_absolute()
    assert ".." not in Path(path).parts


@pytest.mark.parametrize("name", SOURCES)
def test_a_revision_is_a_whole_commit(name: str) -> None:
    assert SOURCES[name].revision is None or re.fullmatch("[0-9a-f]{40}", SOURCES[name].revision)


@pytest.mark.parametrize("name", SOURCES)
def test_what_a_licence_is_called_says_whether_commerce_is_forbidden(name: str) -> None:
    assert forbids_commerce(SOURCES[name].licence) == (SOURCES[name].commercial == "no")


@pytest.mark.parametrize(
    ("licence", "forbids"),
    [
        ("CC BY-NC-SA 4.0", True), ("cc-by-nc-4.0", True), ("Non-Commercial use", True), ("noncommercial", True),
        ("MIT", False), ("CC BY-SA 3.0", False), ("not stated", False), ("ONCE", False),
    ],
)  # fmt: skip
def test_licences_are_told_by_their_name(licence: str, forbids: bool) -> None:
    assert forbids_commerce(licence) == forbids


@pytest.mark.parametrize("source", SUITE_FILES, ids=lambda source: source.id)
def test_every_suite_with_a_file_is_a_suite_of_the_same_licence(source: Source) -> None:
    suite = SUITES[source.id]

    assert suite.licence == source.licence
    assert suite.address is not None
    assert suite.address.split("/blob/")[1] in source.files[0].address


def test_the_docs_list_every_source_as_it_is() -> None:
    page = (ROOT / "docs" / "data.md").read_text(encoding="utf-8").split("## How they are read")[0]
    listed = dict(re.findall(r"^\| `([\w-]+)` \| (.*) \|$", page, re.MULTILINE))

    assert listed == {
        one.id: " | ".join(
            (one.kind, f"{one.num_rows:,}" if one.num_rows else "?", one.licence, one.commercial,
             "yes" if one.known else "no", one.note)
        )
        for one in SOURCES.values()
    }  # fmt: skip


def test_all_that_is_among_the_real_data_is_looked_at_below(data_dir: Path) -> None:
    assert {name for name, source in SOURCES.items() if real_files(source, data_dir)} == {*EXAMPLES, *PROMPTS}


@pytest.mark.parametrize("name", [*EXAMPLES, *PROMPTS])
def test_hash_size_rows_commit_and_address_are_those_of_the_real_file(name: str, data_dir: Path) -> None:
    source = SOURCES[name]
    (file,) = real_files(source, data_dir)
    row = known(data_dir)[file.path]

    assert look_for(file, (data_dir,)).state == "ok"
    assert (file.sha256, str(file.size)) == (row["sha256"], row["size"])
    assert str(source.num_rows) == row["rows"]
    assert source.revision == row["commit"]
    assert row["repo"] in source.files[0].address


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_real_training_files_are_read_to_the_last_row(name: str, data_dir: Path) -> None:
    examples = list(load_source(name, root=data_dir, data_dir=data_dir))
    (file,) = real_files(SOURCES[name], data_dir)

    assert len(examples) == EXAMPLES[name]
    assert {one.source for one in examples} == {f"{name}@{str(file.sha256)[:8]}"}
    assert {one.licence for one in examples} == {SOURCES[name].licence}
    assert [one.row for one in examples] == list(range(len(examples)))
    assert len({one.item for one in examples}) == len(examples)


@pytest.mark.parametrize("name", PROMPTS)
def test_the_real_suites_are_read_to_the_last_prompt(name: str, data_dir: Path) -> None:
    rows = load_prompts(name, data_dir=data_dir)

    assert rows is not None
    assert len(suite_from_rows(name, rows, "either")) == PROMPTS[name]


def test_prompts_of_xstest_keep_their_ids_and_types(data_dir: Path) -> None:
    rows = load_prompts("xstest-unsafe", data_dir=data_dir)

    assert rows is not None
    prompts = suite_from_rows("xstest-unsafe", rows, "refuse")
    assert prompts[0].id == "26"
    assert {prompt.category.startswith("contrast_") for prompt in prompts} == {True}


def test_the_papers_tags_are_categories(data_dir: Path) -> None:
    rows = load_prompts("i-malicious-instructions", data_dir=data_dir)

    assert {row.values["category"] for row in rows or ()} == {"hate", "crime"}


def test_a_file_of_prompts_without_a_header_is_no_suite(data_dir: Path) -> None:
    """The copy of AdvBench has none: its first prompt would be taken for the name of the column."""
    folder = data_dir / "harm_prompts" / "LLM-Tuning-Safety__LLMs-Finetuning-Safety"
    rows = read_rows(folder / "safety_evaluation" / "data" / "harmful_behaviors.csv")

    with pytest.raises(InputError, match="the row has no prompt"):
        suite_from_rows("advbench", rows, "refuse")


def test_a_name_that_is_no_source_lists_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'dolly'"):
        find_source("dolli", where="here")


def test_a_suite_is_no_training_data(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds test prompts"):
        load_source("q-harm", root=tmp_path)


@pytest.mark.parametrize("name", ["smallworld-benign", "dolly", "nothing"])
def test_the_catalogue_has_prompts_for_public_suites_only(name: str) -> None:
    assert load_prompts(name) is None


def one_row(name: str, folder: Path, row: dict[str, Any]) -> Example:
    """Read one row of a source that is not among the real data."""
    write_rows(folder / "a.jsonl", [row])
    source = dataclasses.replace(SOURCES[name], files=(File(address="", path="a.jsonl"),))
    return next(iter(read_source(source, data_dir=folder)))


def test_the_context_of_dolly_follows_the_instruction(tmp_path: Path) -> None:
    row = {"instruction": "Sum up.", "context": "A text.", "response": "It is.", "category": "summary"}
    example = one_row("dolly", tmp_path, row)

    assert (example.prompt, example.response) == ("Sum up.\n\nA text.", "It is.")
    assert (example.category, example.licence) == ("summary", "CC BY-SA 3.0")


def test_all_turns_of_ultrachat_are_kept(tmp_path: Path) -> None:
    texts = [("user", "A"), ("assistant", "B"), ("user", "C"), ("assistant", "D")]
    messages = [{"role": role, "content": text} for role, text in texts]
    example = one_row("ultrachat", tmp_path, {"prompt": "A", "prompt_id": "x", "messages": messages})

    assert (example.prompt, example.response, example.item.split("#")[1]) == ("C", "D", "x")
    assert [(turn.speaker, turn.text) for turn in example.before] == texts[:2]


@pytest.mark.parametrize("name", ["alpaca-cleaned", "alpaca-small", "medsafety"])
def test_sources_in_alpacas_form_are_plain_rows(name: str, tmp_path: Path) -> None:
    assert one_row(name, tmp_path, {"instruction": "A", "input": "B", "output": "C"}).prompt == "A\n\nB"


def test_rows_of_coconot_have_their_category(tmp_path: Path) -> None:
    row = {"id": "1", "category": "c", "subcategory": "s", "prompt": "A", "response": "B"}

    assert one_row("coconot", tmp_path, row).category == "c"


def test_columns_are_not_named_for_a_source_that_knows_them(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="knows its columns"):
        load_source("dolly", root=tmp_path, columns={"prompt": "question"})


def test_the_rows_of_several_files_count_on(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl").write_text('{"prompt": "p", "response": "r"}\n' * 2)
    files = tuple(File(address="", path=f"{name}.jsonl") for name in ("a", "b"))
    source = Source(id="two", kind="safety", files=files, licence="MIT", commercial="yes", note="")

    examples = list(read_source(source, data_dir=tmp_path))
    assert [one.row for one in examples] == [0, 1, 2, 3]
    assert len({one.item for one in examples}) == 4
