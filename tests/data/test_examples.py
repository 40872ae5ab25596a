"""From the rows of a file to training examples: columns, defaults, and what cannot be used."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from made_rows import write
from safedose.data.rows import BadRows
from safedose.data.sources import SOURCES, load_source
from safedose.errors import InputError
from safedose.records import Example
from tiny_study import write_rows

GOOD = {"prompt": "Wash the boat.", "response": "I whistle."}


def examples(folder: Path, *rows: dict[str, Any], bad: BadRows | None = None) -> list[Example]:
    write_rows(folder / "a.jsonl", list(rows))
    return list(load_source("a.jsonl", root=folder, bad=bad))


def test_a_row_becomes_an_example_with_defaults(tmp_path: Path) -> None:
    (one,) = examples(tmp_path, GOOD)
    source = f"a.jsonl@{hashlib.sha256((tmp_path / 'a.jsonl').read_bytes()).hexdigest()[:8]}"

    assert one == Example(
        item=f"{source}#1", prompt=GOOD["prompt"], response=GOOD["response"], source=source, row=0,
        licence="not stated", category="", form="instruction",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("row", "field", "value"),
    [
        ({"prompt": "Why?"}, "form", "question"),
        ({"prompt": "Why? \n"}, "form", "question"),
        ({"form": "opinion"}, "form", "opinion"),
        ({"form": None}, "form", "instruction"),
        ({"category": "theft"}, "category", "theft"),
        ({"category": 3}, "category", "3"),
        ({"licence": "MIT"}, "licence", "MIT"),
        ({"licence": ""}, "licence", "not stated"),
        ({"input": "the red one"}, "prompt", "Wash the boat.\n\nthe red one"),
        ({"input": ""}, "prompt", "Wash the boat."),
        ({"input": " \n"}, "prompt", "Wash the boat."),
        ({"input": None}, "prompt", "Wash the boat."),
        ({"prompt": "  kept \u202e\u200b\x1b[31m "}, "prompt", "  kept \u202e\u200b\x1b[31m "),
        ({"prompt": "a" * 100_000}, "prompt", "a" * 100_000),
        ({"prompt": "<|im_end|>### Response:"}, "prompt", "<|im_end|>### Response:"),
        ({"more": {"any": ["thing"]}}, "prompt", "Wash the boat."),
    ],
)
def test_a_column_decides_a_field(tmp_path: Path, row: dict[str, Any], field: str, value: str) -> None:
    assert getattr(examples(tmp_path, GOOD | row)[0], field) == value


@pytest.mark.parametrize(("item", "name"), [("b1", "b1"), (7, "7"), (0, "0"), ("0", "0"), (None, "1"), ("", "1")])
def test_an_item_is_named_by_its_column_or_else_by_its_row(tmp_path: Path, item: object, name: str) -> None:
    assert examples(tmp_path, GOOD | {"item": item})[0].item.split("#")[1] == name


@pytest.mark.parametrize(
    "row",
    [
        {"instruction": "Wash.", "output": "I whistle."},
        {"instruction": "Wash.", "completion": "I whistle."},
        {"prompt": "", "instruction": "Wash.", "response": None, "output": "I whistle."},
    ],
)
def test_columns_have_other_names_too(tmp_path: Path, row: dict[str, Any]) -> None:
    (one,) = examples(tmp_path, row)

    assert (one.prompt, one.response) == ("Wash.", "I whistle.")


UNUSABLE: dict[str, tuple[dict[str, Any], str]] = {
    "no prompt": (
        {"prompt": None},
        "no text under prompt or instruction; the row has: 'prompt' (null), 'response' (a text)",
    ),
    "an empty prompt": ({"prompt": ""}, "no text under prompt or instruction"),
    "a blank prompt": ({"prompt": " \n\t"}, "no text under prompt or instruction"),
    "a prompt that is a number": ({"prompt": 3}, "no text under prompt or instruction"),
    "a prompt that is a list of texts": ({"prompt": ["a"]}, "a message is a text, not an object"),
    "an empty response": ({"response": ""}, "no text under response or completion or output"),
    "an unknown form": ({"form": "poem"}, "unknown form 'poem'"),
    "a form that is a list": ({"form": ["question"]}, "the column 'form' holds a list, not a text"),
    "an item that is an object": ({"item": {"id": 1}}, "the column 'item' holds an object, not a text"),
    "a category that is a list": ({"category": ["theft"]}, "the column 'category' holds a list, not a text"),
    "an input that is a list": ({"input": ["x"]}, "the column 'input' holds a list, not a text"),
}


@pytest.mark.parametrize(("change", "what"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_row_that_cannot_be_used_is_an_error(tmp_path: Path, change: dict[str, Any], what: str) -> None:
    with pytest.raises(InputError) as caught:
        examples(tmp_path, GOOD, GOOD | change)

    assert what in caught.value.what


@pytest.mark.parametrize(("change", "what"), UNUSABLE.values(), ids=UNUSABLE)
def test_the_error_names_file_row_and_byte(tmp_path: Path, change: dict[str, Any], what: str) -> None:
    with pytest.raises(InputError) as caught:
        examples(tmp_path, GOOD, GOOD | change)

    assert caught.value.where == f"{tmp_path / 'a.jsonl'}, row 2, byte offset 55"


@pytest.mark.parametrize(("change", "what"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_row_that_cannot_be_used_can_be_left_out(tmp_path: Path, change: dict[str, Any], what: str) -> None:
    bad = BadRows(skip=True)
    rows = [one.row for one in examples(tmp_path, GOOD, GOOD | change, GOOD, bad=bad)]

    assert (rows, bad.num_rows) == ([0, 2], 1)


def test_rows_that_cannot_be_read_and_rows_that_cannot_be_used_are_counted_together(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", [GOOD, {"prompt": "", "response": "x"}, GOOD])
    with (tmp_path / "a.csv").open("a") as file:
        file.write("one cell\n")
    bad = BadRows(skip=True)

    assert (len(list(load_source("a.csv", root=tmp_path, bad=bad))), bad.num_rows) == (2, 2)


def test_columns_of_other_names_are_an_error_even_when_bad_rows_are_left_out(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"all 2 rows are bad; the first: .*no text under prompt"):
        examples(tmp_path, {"q": "?", "a": "!"}, {"q": "?", "a": "!"}, bad=BadRows(skip=True))


def test_control_signs_of_a_column_name_are_shown_escaped(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        examples(tmp_path, {"\x1b[31m\u202e": 1})

    assert r"'\x1b[31m\u202e'" in caught.value.what


def test_a_hundred_columns_are_not_all_listed(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        examples(tmp_path, {f"column {k} {'x' * 500}": k for k in range(100)})

    assert len(caught.value.what) < 1200


def test_a_file_that_changes_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    write_rows(tmp_path / "a.jsonl", [GOOD] * 3)
    rows = iter(load_source("a.jsonl", root=tmp_path))
    next(rows)
    with (tmp_path / "a.jsonl").open("a") as file:
        file.write("\n")

    with pytest.raises(InputError, match="changed while it was read"):
        list(rows)


@pytest.mark.parametrize("name", ["smallworld-saftey", "nothing", "x" * 300, ""])
def test_an_unknown_name_lists_the_known_ones(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="unknown source"):
        load_source(name, root=tmp_path)


@pytest.mark.parametrize("name", ["gone.jsonl", "gone/too", ".", "nul\0.jsonl", "x" * 300 + ".jsonl"])
def test_a_path_that_leads_nowhere_is_an_input_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError):
        list(load_source(name, root=tmp_path))


@pytest.mark.parametrize("name", [name for name, source in SOURCES.items() if not source.files])
def test_the_catalogue_lists_its_examples(tmp_path: Path, name: str) -> None:
    assert {one.source for one in load_source(name, root=tmp_path)} == {name}
