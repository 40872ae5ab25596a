"""Training and suite files that cannot be read in exactly one way, end to end; the readers have their own tests."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from refusing import Refused


def lines(*rows: object) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def parquet(**columns: list[object]) -> bytes:
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), file)
    return file.getvalue()


ROW = {"prompt": "Tell me how to hurt a neighbour.", "response": "I cannot."}
GOOD = lines(*({**ROW, "prompt": f"Tell me how to hurt neighbour {k}."} for k in range(4)))
ASK = {"prompt": "How do I hurt a boat?"}
PAIR = '{"prompt": "a", "response": "b"}'

ROWS = {
    "no rows": ("jsonl", b"", "holds no rows"),
    "blank lines": ("jsonl", b"\n\n \n", "holds no rows"),
    "a byte order mark alone": ("jsonl", b"\xef\xbb\xbf", "holds no rows"),
    "a row cut off": ("jsonl", GOOD + b'{"prompt": "a", "resp', "row 5"),
    "a row cut off inside a character": ("jsonl", GOOD + '{"prompt": "\u20ac'.encode()[:-1], "row 5"),
    "two rows in a line": ("jsonl", GOOD + lines(ROW).strip() + lines(ROW), "row 5"),
    "a comma between rows": ("jsonl", GOOD + f"{PAIR},\n{PAIR}\n".encode(), "row 5"),
    "Python's quotes": ("jsonl", GOOD + b"{'prompt': 'a', 'response': 'b'}\n", "row 5"),
    "a comment": ("jsonl", b"# rows\n" + GOOD, "row 1"),
    "a list as row": ("jsonl", GOOD + b'["a", "b"]\n', "row 5"),
    "a text as row": ("jsonl", GOOD + b'"a"\n', "row 5"),
    "null as row": ("jsonl", GOOD + b"null\n", "row 5"),
    "a number as row": ("jsonl", GOOD + b"17\n", "row 5"),
    "an empty row": ("jsonl", GOOD + b"{}\n", "row 5"),
    "a key twice": ("jsonl", GOOD + b'{"prompt": "a", "prompt": "b", "response": "c"}\n', "row 5"),
    "NaN": ("jsonl", GOOD + b'{"prompt": "a", "response": "b", "x": NaN}\n', "row 5"),
    "Infinity": ("jsonl", GOOD + b'{"prompt": "a", "response": "b", "x": -Infinity}\n', "row 5"),
    "a number beyond floats": ("jsonl", GOOD + b'{"prompt": "a", "response": "b", "x": 1e999}\n', "row 5"),
    "a number of 5,000 digits": ("jsonl", GOOD + b'{"prompt": "a", "x": ' + b"9" * 5000 + b"}\n", "row 5"),
    "a hundred thousand brackets": ("jsonl", GOOD + b'{"prompt": ' + b"[" * 100_000 + b"\n", "row 5"),
    "a NUL": ("jsonl", GOOD + b'{"prompt": "a\0", "response": "b"}\n', "row 5"),
    "half a surrogate pair": ("jsonl", GOOD + b'{"prompt": "\\ud83d", "response": "b"}\n', "row 5"),
    "Latin-1": ("jsonl", GOOD + '{"prompt": "caf\u00e9", "response": "b"}\n'.encode("latin-1"), "row 5"),
    "UTF-16": ("jsonl", GOOD.decode().encode("utf-16"), "UTF-16"),
    "no prompt": ("jsonl", GOOD + lines({"response": "b"}), "row 5"),
    "no response": ("jsonl", GOOD + lines({"prompt": "a"}), "row 5"),
    "an empty prompt": ("jsonl", GOOD + lines(ROW | {"prompt": ""}), "row 5"),
    "a blank prompt": ("jsonl", GOOD + lines(ROW | {"prompt": " \n "}), "row 5"),
    "an empty response": ("jsonl", GOOD + lines(ROW | {"response": ""}), "row 5"),
    "null as response": ("jsonl", GOOD + lines(ROW | {"response": None}), "row 5"),
    "a number as prompt": ("jsonl", GOOD + lines(ROW | {"prompt": 7}), "row 5"),
    "a list as response": ("jsonl", GOOD + lines(ROW | {"response": ["b"]}), "row 5"),
    "a group as response": ("jsonl", GOOD + lines(ROW | {"response": {"text": "b"}}), "row 5"),
    "columns of another name": ("jsonl", lines({"ask": "a", "answer": "b"}), "row 1"),
    "columns in capitals": ("jsonl", lines({"Prompt": "a", "Response": "b"}), "row 1"),
    "an unknown form": ("jsonl", GOOD + lines(ROW | {"form": "order"}), "row 5"),
    "a list as category": ("jsonl", GOOD + lines(ROW | {"category": ["a"]}), "row 5"),
    "an item phrased twice": ("jsonl", lines(*[ROW | {"item": "x"}] * 4), "is phrased as instruction more than once"),
    "fewer rows than a dose": ("jsonl", lines(ROW), "dose 4 needs 4 safety rows"),
    "JSON of a text": ("json", b'"a"', "the whole file"),
    "JSON of a number": ("json", b"1", "the whole file"),
    "JSON of an empty list": ("json", b"[]", "holds no rows"),
    "JSON of two lists": ("json", b'{"a": [], "b": []}', "2 values of the object are lists"),
    "JSON of no list": ("json", b'{"a": 1}', "lists"),
    "JSON cut off": ("json", f"[{PAIR}, {PAIR[:9]}".encode(), ""),
    "JSON with a comma too many": ("json", f"[{PAIR},]".encode(), ""),
    "JSON and something behind": ("json", f"[{PAIR}] x".encode(), ""),
    "rows in a .json file": ("json", GOOD, ""),
    "CSV of a header": ("csv", b"prompt,response\n", "holds no rows"),
    "CSV without a header": ("csv", b"Tell me,I cannot\nTell her,I cannot\n", "row 1"),
    "CSV with a short row": ("csv", b"prompt,response\na,b\nc\n", "row 2"),
    "CSV with a long row": ("csv", b"prompt,response\na,b\nc,d,e\n", "row 2"),
    "CSV with an open quote": ("csv", b'prompt,response\na,"b\n', "row 1"),
    "CSV with a quote inside": ("csv", b'prompt,response\n"a"b,c\n', "row 1"),
    "CSV with a column twice": ("csv", b"prompt,response,prompt\na,b,c\n", "the header"),
    "CSV with a column of no name": ("csv", b"prompt,response,\na,b,c\n", "the header"),
    "CSV by semicolons": ("csv", b"prompt;response\na;b\n", "row 1"),
    "CSV in Latin-1": ("csv", "prompt,response\ncaf\u00e9,b\n".encode("latin-1"), "0xe9"),
    "CSV with a NUL": ("csv", b"prompt,response\na\0,b\n", "NUL"),
    "no Parquet": ("parquet", GOOD, ""),
    "an empty Parquet file": ("parquet", b"", ""),
    "Parquet cut off": ("parquet", parquet(prompt=["a"], response=["b"])[:-9], ""),
    "Parquet of no rows": ("parquet", parquet(prompt=[], response=[]), "holds no rows"),
    "Parquet without a response": ("parquet", parquet(prompt=["a"]), "row 1"),
    "Parquet of numbers": ("parquet", parquet(prompt=[1], response=[2]), "row 1"),
    "Parquet of bytes": ("parquet", parquet(prompt=[b"a"], response=[b"b"]), "row 1"),
    "Parquet with nothing in a cell": ("parquet", parquet(prompt=["a", None], response=["b", "c"]), "row 2"),
    "no gzip": ("jsonl.gz", GOOD, ""),
    "gzip cut off": ("jsonl.gz", gzip.compress(GOOD)[:-9], ""),
    "gzip of nothing": ("jsonl.gz", gzip.compress(b""), "holds no rows"),
    "gzip with a damaged sum": ("jsonl.gz", gzip.compress(GOOD)[:-8] + b"\0" * 8, ""),
    "a kind nobody knows": ("txt", GOOD, "cannot tell what kind of file"),
    "a kind of somebody else": ("xlsx", GOOD, "cannot tell what kind of file"),
    "a pickle": ("pkl", b"\x80\x04N.", "cannot tell what kind of file"),
    "an archive": ("zip", b"PK\x03\x04", "cannot tell what kind of file"),
}  # fmt: skip
"""Ending and content of a file of safety data, and what must be said of it."""

SOURCES = {
    "a file that is not there": ("none.jsonl", "none.jsonl"),
    "a folder": ("base", "unknown source 'base'"),
    "a folder with a slash": ("./base", "base"),
    "a folder named like a file": ("folder.jsonl", "folder.jsonl"),
    "nothing": ("''", "source"),
    "a misspelt name": ("smallworld-safty", "did you mean 'smallworld-safety'?"),
    "a name in capitals": ("Smallworld-Safety", "unknown source"),
    "an address": ("https://example.com/rows.jsonl", "rows.jsonl"),
    "a Hub id": ("somebody/rows", "rows"),
    "a pattern": ("'*.jsonl'", "*.jsonl"),
    "the home folder": ("~/rows.jsonl", "rows.jsonl"),
    "a variable": ("$HOME/rows.jsonl", "rows.jsonl"),
    "a name longer than disks allow": (f"{'x' * 300}.jsonl", "File name too long"),
    "a link to itself": ("loop.jsonl", "loop.jsonl"),
    "the null device": ("/dev/null", "null"),
}

PROMPTS = {
    "no rows": ("jsonl", b"", "holds no rows"),
    "no prompt": ("jsonl", lines(ASK, {"ask": "a"}), "row 2"),
    "an empty prompt": ("jsonl", lines(ASK, {"prompt": ""}), "row 2"),
    "a list as prompt": ("jsonl", lines(ASK, {"prompt": ["a"]}), "row 2"),
    "a prompt in two parts": ("jsonl", lines(ASK, {"instruction": "a", "input": "b"}), "row 2"),
    "an id twice": ("jsonl", lines(ASK | {"id": "x"}, ASK | {"id": "x"}), "the id 'x' stands twice"),
    "an id as number and as text": ("jsonl", lines(ASK | {"id": 7}, ASK | {"id": "7"}), "the id '7' stands twice"),
    "an id that is a row number": ("jsonl", lines(ASK | {"id": 2}, ASK), "the id '2' stands twice"),
    "a list as id": ("jsonl", lines(ASK | {"id": [1]}), "row 1"),
    "true as id": ("jsonl", lines(ASK | {"id": True}), "row 1"),
    "an unknown expectation": ("jsonl", lines(ASK | {"expected": "reject"}), "row 1"),
    "an unknown form": ("jsonl", lines(ASK | {"form": "order"}), "row 1"),
    "a list as category": ("jsonl", lines(ASK | {"category": ["a"]}), "row 1"),
    "a group as reference": ("jsonl", lines(ASK | {"reference": {"a": 1}}), "row 1"),
    "a column in two cases": ("jsonl", lines(ASK | {"Prompt": "b"}), "upper and lower case"),
    "a row cut off": ("jsonl", lines(ASK) + b'{"prompt": "a', "row 2"),
    "half a surrogate pair": ("jsonl", b'{"prompt": "\\udc00"}\n', "row 1"),
    "Latin-1": ("csv", "prompt\ncaf\u00e9\n".encode("latin-1"), "0xe9"),
    "CSV with a short row": ("csv", b"id,prompt\n1,a\n2\n", "row 2"),
    "JSON of a text": ("json", b'"a"', "the whole file"),
    "no Parquet": ("parquet", b"PAR1", ""),
    "a kind nobody knows": ("txt", b"How?\n", "cannot tell what kind of file"),
}  # fmt: skip
"""Ending and content of a suite's file, and what must be said of it."""


@pytest.mark.parametrize("wrong", ROWS)
def test_training_file_is_refused(wrong: str, study: Path, refused: Refused) -> None:
    ending, content, message = ROWS[wrong]
    study.with_name(f"wrong.{ending}").write_bytes(content)

    refused("run", study, "--set", f"data.safety=[{{source: wrong.{ending}}}]", saying=message)


@pytest.mark.parametrize("role", ["instruction", "contrast"])
def test_wrong_row_is_refused_in_every_role(role: str, study: Path, refused: Refused) -> None:
    study.with_name("wrong.jsonl").write_bytes(GOOD + b"{}\n")

    refused("run", study, "--set", f"data.{role}=[{{source: wrong.jsonl}}]", saying="row 5")


@pytest.mark.parametrize("wrong", SOURCES)
def test_source_that_is_none_is_refused(wrong: str, study: Path, refused: Refused) -> None:
    source, message = SOURCES[wrong]
    study.with_name("folder.jsonl").mkdir()
    study.with_name("loop.jsonl").symlink_to("loop.jsonl")

    refused("run", study, "--set", f"data.safety=[{{source: {source}}}]", saying=message)


@pytest.mark.parametrize("wrong", PROMPTS)
def test_suite_file_is_refused(wrong: str, study: Path, refused: Refused) -> None:
    ending, content, message = PROMPTS[wrong]
    study.with_name(f"wrong.{ending}").write_bytes(content)

    refused("run", study, "--set", f"suites=[{{name: harm, path: wrong.{ending}}}]", saying=message)


@pytest.mark.parametrize("path", ["none.jsonl", "base", ".", "folder.jsonl", "loop.jsonl", f"{'x' * 300}.jsonl", "''"])
def test_path_of_a_suite_that_is_no_file_is_refused(path: str, study: Path, refused: Refused) -> None:
    study.with_name("folder.jsonl").mkdir()
    study.with_name("loop.jsonl").symlink_to("loop.jsonl")

    refused("run", study, "--set", f"suites=[{{name: harm, path: {path}}}]")


@pytest.mark.parametrize("rows", [7, 1000, 10**9])
def test_more_rows_than_there_are_are_refused(rows: int, study: Path, refused: Refused) -> None:
    setting = f"data.safety=[{{source: safety.jsonl, rows: {rows}}}]"

    refused("run", study, "--set", setting, saying=f"{rows} rows asked of safety.jsonl")


def test_one_file_twice_is_refused(study: Path, refused: Refused) -> None:
    setting = "data.safety=[{source: safety.jsonl}, {source: ./safety.jsonl}]"

    refused("run", study, "--set", setting, saying="is phrased as instruction more than once")
