"""Readers of published files that are not plain rows, on small files of the same shape."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from safedose.data.special import Draft, hh_chosen, instruction_list, medquad, nemotron, oasst_paths, seed_tasks
from safedose.errors import InputError
from tiny_study import write_rows


def said(draft: Draft) -> list[tuple[str, str]]:
    return [(turn.speaker, turn.text) for turn in draft.turns]


def message(role: str, text: str, *replies: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"role": role, "text": text, "lang": "en", "replies": list(replies)} | more


def archive(path: Path, **files: str) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name.replace("__", "/") + ".xml")
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return path


def test_every_instance_of_a_task_is_an_example(tmp_path: Path) -> None:
    task = {"id": "t", "instruction": "Add.", "instances": [{"input": "1 1", "output": "2"}, {"output": "3"}]}

    drafts = list(seed_tasks(write_rows(tmp_path / "a.jsonl", [task]), None))
    assert [draft.item for draft in drafts] == ["t", "t.1"]
    assert [said(draft)[0][1] for draft in drafts] == ["Add.\n\n1 1", "Add."]


@pytest.mark.parametrize(
    "turns",
    [
        [], [("user", "A"), ("user", "B")], [("user", " ")], [("user", "A"), ("assistant", "B")], [("assistant", "A")],
        [("user", "A"), ("tool", "B"), ("user", "C")], [("system", "A")], [("system", ""), ("user", "A")],
    ],
)  # fmt: skip
def test_what_is_no_exchange_is_left_out(tmp_path: Path, turns: list[tuple[str, str]]) -> None:
    row = {"input": [{"role": role, "content": text} for role, text in turns], "output": "Z"}

    assert list(nemotron(write_rows(tmp_path / "a.jsonl", [row]), None)) == []


def test_rows_without_thinking_are_read_with_their_own_licence(tmp_path: Path) -> None:
    row = {"input": [{"role": "user", "content": "A"}], "output": "B", "license": "cc-by-4.0", "reasoning": "off"}

    (draft,) = nemotron(write_rows(tmp_path / "a.jsonl", [row, row | {"reasoning": "on"}]), None)
    assert (said(draft), draft.licence) == ([("user", "A"), ("assistant", "B")], "cc-by-4.0")


def test_the_preferred_dialogue_is_taken_apart(tmp_path: Path) -> None:
    row = {"chosen": "\n\nHuman: A\n\nAssistant: B\n\nHuman: C\n\nAssistant: D", "rejected": ""}

    (draft,) = hh_chosen(write_rows(tmp_path / "a.jsonl", [row]), None)
    assert said(draft) == [("user", "A"), ("assistant", "B"), ("user", "C"), ("assistant", "D")]


def test_a_side_that_speaks_twice_or_says_nothing_is_left_out(tmp_path: Path) -> None:
    texts = ["\n\nHuman: A\n\nHuman: B\n\nAssistant: C", "\n\nHuman: A\n\nAssistant:", "A"]

    assert list(hh_chosen(write_rows(tmp_path / "a.jsonl", [{"chosen": text} for text in texts]), None)) == []


def test_the_best_ranked_english_path_of_a_tree_is_read(tmp_path: Path) -> None:
    worse, other = message("assistant", "worse", rank=1), message("assistant", "andere", rank=0, lang="de")
    best = message("assistant", "best", message("prompter", "more?"), rank=0)
    tree = {"message_tree_id": "t", "prompt": message("prompter", "ask", worse, other, best)}

    (draft,) = oasst_paths(write_rows(tmp_path / "a.jsonl", [tree]), None)
    assert (draft.item, said(draft)) == ("t", [("user", "ask"), ("assistant", "best")])


@pytest.mark.parametrize(
    "prompt",
    [
        message("prompter", "ask"),
        message("prompter", "frag", message("assistant", "ja"), lang="de"),
        message("prompter", "ask", message("assistant", "gone", deleted=True)),
        None,
    ],
)
def test_a_tree_without_an_english_answer_is_left_out(tmp_path: Path, prompt: object) -> None:
    assert list(oasst_paths(write_rows(tmp_path / "a.jsonl", [{"prompt": prompt}]), None)) == []


PAIR = '<D><QAPair pid="1"><Question qtype="causes">Why\n  so?</Question><Answer>{}</Answer></QAPair></D>'


def test_pairs_without_an_answer_and_folders_without_answers_are_left_out(tmp_path: Path) -> None:
    files = {"M-577__1_A__x": PAIR.format("It\n\n is."), "1_A__y": PAIR.format(" \n"), "10_A__z": PAIR.format("No.")}

    (draft,) = medquad(archive(tmp_path / "a.tar.gz", **files), None)
    assert (draft.item, draft.category) == ("1_A/x:1", "causes")
    assert said(draft) == [("user", "Why so?"), ("assistant", "It is.")]


@pytest.mark.parametrize("text", ["<D>", '<!DOCTYPE D [<!ENTITY a "b">]>' + PAIR.format("&a;")])
def test_broken_xml_and_entities_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        list(medquad(archive(tmp_path / "a.tar.gz", **{"1_A__x": text}), None))


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b\x08\x00"])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tar.gz").write_bytes(content)

    with pytest.raises(InputError, match="cannot be read"):
        list(medquad(tmp_path / "a.tar.gz", None))


@pytest.mark.parametrize("value", [[], {}, {"instructions": 5}, {"instructions": ["a"], "tags": ["b", "c"]}])
def test_what_is_no_list_of_instructions_is_refused(tmp_path: Path, value: object) -> None:
    (tmp_path / "a.json").write_text(json.dumps(value))

    with pytest.raises(InputError, match="cannot be read"):
        list(instruction_list(tmp_path / "a.json"))
