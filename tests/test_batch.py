"""`safedose judge --responses`: files and pipes of answers, their columns and order kept, and nothing half written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from cli_call import Call
from judge_servers import rating, write_settings
from safedose.batch import AT_ONCE
from safedose.judging.rows import ADDED
from safedose.testing import ScriptedEndpoint
from tiny_study import write_rows

ROW = {"prompt": "a?", "response": "I'm sorry, but no."}
TO_STDOUT = ("judge", "--judge", "phrases", "--out", "-", "--responses")


def lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def start(*arguments: object) -> subprocess.Popen[bytes]:
    """Run `safedose` as a shell does, with pipes on all sides."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-m", "safedose", *map(str, arguments)]
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe)  # noqa: S603 - our own command


def piped(rows: bytes, *arguments: object) -> tuple[int, list[dict[str, Any]], str]:
    """Give rows to a command; gives its exit code, the rows it wrote and what it said beside them."""
    process = start(*arguments)
    out, err = process.communicate(rows)
    return process.returncode, [json.loads(line) for line in out.decode().splitlines()], err.decode()


def test_a_pipe_is_judged_row_by_row_and_stdout_holds_the_rows_alone() -> None:
    rows = [ROW | {"id": k, "tags": ["x", None]} for k in range(3)]

    code, judged, said = piped(lines(rows), *TO_STDOUT, "-")

    assert (code, said.splitlines()[0][:30]) == (0, "judge phrases: sees refusals a")
    assert said.endswith("judged 3 rows -> -\n")
    assert [{name: row[name] for name in rows[0]} for row in judged] == rows
    assert [list(row)[-6:] for row in judged] == [list(ADDED)] * 3


def test_a_pipe_is_judged_before_it_ends() -> None:
    process = start(*TO_STDOUT, "-")
    process.stdin.write(lines([ROW] * AT_ONCE))
    process.stdin.flush()
    early = [process.stdout.readline() for _ in range(AT_ONCE)]
    rest, _ = process.communicate(lines([ROW]))

    assert [json.loads(line)["verdict"] for line in early] == ["full_refusal"] * AT_ONCE
    assert len(rest.splitlines()) == 1


def test_a_reader_who_has_enough_ends_the_command_quietly(tmp_path: Path) -> None:
    with start(*TO_STDOUT, write_rows(tmp_path / "many.jsonl", [ROW] * 20_000)) as process:
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read().decode()

    assert (process.returncode, "Traceback" in said, "rror" in said) == (0, False, False)


def test_an_empty_pipe_is_wrong_input_and_named() -> None:
    code, judged, said = piped(b"", *TO_STDOUT, "-")

    assert (code, judged) == (2, [])
    assert "where: stdin, the whole file" in said


@pytest.mark.parametrize(
    ("bad", "where"), [(b'{"prompt": "a?"}\n', "stdin, row 3"), (b"{broken\n", "stdin, row 3, byte offset")]
)
def test_a_bad_row_of_a_pipe_is_named(bad: bytes, where: str) -> None:
    code, _, said = piped(lines([ROW, ROW]) + bad, *TO_STDOUT, "-")

    assert (code, f"where: {where}" in said) == (2, True)


def test_a_file_and_its_bad_row_are_named_before_anything_is_judged(call: Call, tmp_path: Path) -> None:
    file = write_rows(tmp_path / "answers.jsonl", [ROW] * 2000 + [{"prompt": "a?"}])

    done = call(*TO_STDOUT, file)

    assert (done.code, done.out) == (2, "")
    assert f"where: {file}, row 2001\n" in done.err


@pytest.mark.parametrize("source", ["file", "pipe"])
def test_what_was_there_stays_until_all_rows_are_judged(source: str, call: Call, tmp_path: Path) -> None:
    rows = [*([ROW] * 1500), {"prompt": "a?"}]
    file, out = write_rows(tmp_path / "answers.jsonl", rows), tmp_path / "judged.jsonl"
    out.write_text("earlier\n")
    command = ("judge", "--judge", "phrases", "--out", out, "--responses")

    code = call(*command, file).code if source == "file" else piped(lines(rows), *command, "-")[0]

    assert (code, out.read_text()) == (2, "earlier\n")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["answers.jsonl", "judged.jsonl"]


def test_columns_of_other_names_are_mapped(call: Call, tmp_path: Path) -> None:
    file, out = tmp_path / "answers.csv", tmp_path / "judged.jsonl"
    file.write_text('question,answer\nWho?,"I\'m sorry, no."\n')

    done = call(
        *("judge", "--responses", file, "--judge", "phrases", "--out", out),
        *("--map", "prompt=question", "--map", "response=answer"),
    )

    row = json.loads(out.read_text())
    assert (done.code, row["question"], row["verdict"], "prompt" in row) == (0, "Who?", "full_refusal", False)


@pytest.mark.parametrize(
    ("mapping", "problem"),
    [
        ("respnse=a", "no column 'respnse' to map"),
        ("response", "cannot read the mapping"),
        ("response=completion", "no row has the mapped column 'completion'"),
        ("suite=set", "no row has the mapped column 'set'"),
        ("prompt=response", "prompt and response would both be read from the column 'response'"),
        ("reference=prompt", "prompt and reference would both be read from the column 'prompt'"),
    ],
)
def test_a_mapping_that_maps_nothing_is_wrong_input(mapping: str, problem: str, call: Call, tmp_path: Path) -> None:
    done = call(*TO_STDOUT, write_rows(tmp_path / "a.jsonl", [ROW]), "--map", mapping)

    assert (done.code, problem in done.err, done.out) == (2, True, "")


def test_two_columns_that_are_both_mapped_to_one_are_wrong_input(call: Call, tmp_path: Path) -> None:
    maps = ("--map", "prompt=text", "--map", "response=text")

    done = call(*TO_STDOUT, write_rows(tmp_path / "a.jsonl", [{"text": "a?"}]), *maps)

    assert (done.code, "prompt and response would both be read from the column 'text'" in done.err) == (2, True)


def test_one_column_that_is_mapped_twice_is_wrong_input(call: Call, tmp_path: Path) -> None:
    maps = ("--map", "prompt=text", "--map", "prompt=other")

    done = call(*TO_STDOUT, write_rows(tmp_path / "a.jsonl", [ROW]), *maps)

    assert (done.code, "prompt is mapped to 'text' and to 'other'" in done.err) == (2, True)


def test_an_axis_the_judge_has_not_is_wrong_input(call: Call, tmp_path: Path) -> None:
    done = call(*TO_STDOUT, write_rows(tmp_path / "a.jsonl", [ROW]), "--axis", "harm")

    assert (done.code, "does not look at 'harm'" in done.err) == (2, True)


OF_A_FILE = ("--responses", "a.jsonl", "--judge", "phrases")


@pytest.mark.parametrize(
    ("arguments", "problem", "where"),
    [
        ((), "nothing is named that could be judged", "--responses"),
        (("study", "--judge", "phrases"), "a study is named, and --judge beside it", "--judge"),
        (("study", "--skip-bad"), "a study is named, and --skip-bad beside it", "--skip-bad"),
        (("--judge", "phrases", "--out", "-"), "nothing is named that could be judged", "--responses"),
        (OF_A_FILE, "nothing says where the judged rows go", "--out"),
        ((*OF_A_FILE, "--out", "-", "--json"), "would both go to stdout", "--json"),
        ((*OF_A_FILE, "--out", "-", "--set", "seed=1"), "--set has nothing to change", "--set"),
        (("--responses", "a.jsonl", "--out", "-"), "no judge is named", "--judge, --settings"),
    ],
)
def test_half_a_command_is_told_what_it_lacks(arguments: tuple[str, ...], problem: str, where: str, call: Call) -> None:
    done = call("judge", *arguments)

    assert (done.code, problem in done.err, f"where: {where}\n" in done.err) == (2, True, True)


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl.gz", "a.parquet", "a.JSON", "a.tsv"])
@pytest.mark.parametrize("verb", ["judge", "validate"])
def test_rows_are_not_written_under_the_name_of_another_format(
    verb: str, name: str, call: Call, tmp_path: Path
) -> None:
    file = write_rows(tmp_path / "rows.jsonl", [ROW | {"label": "full_refusal"}])
    commands = {
        "judge": ("judge", "--responses", file, "--judge", "phrases"),
        "validate": ("judges", "validate", "phrases", "--labels", file),
    }

    done = call(*commands[verb], "--out", tmp_path / name)

    assert (done.code, "rows are written as JSON Lines" in done.err) == (2, True)
    assert [one.name for one in tmp_path.iterdir()] == ["rows.jsonl"]


@pytest.mark.parametrize("name", ["a", "a.ndjson", "a.txt", "v1.2"])
def test_any_other_name_is_written(name: str, call: Call, tmp_path: Path) -> None:
    file = write_rows(tmp_path / "rows.jsonl", [ROW])

    assert call("judge", "--responses", file, "--judge", "phrases", "--out", tmp_path / name).code == 0
    assert json.loads((tmp_path / name).read_text())["verdict"] == "full_refusal"


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_followed_and_stays(there: bool, call: Call, tmp_path: Path) -> None:
    file, real = write_rows(tmp_path / "rows.jsonl", [ROW]), tmp_path / "kept" / "real.jsonl"
    if there:
        real.parent.mkdir()
        real.write_text("earlier\n")
    (tmp_path / "out.jsonl").symlink_to(real)

    done = call("judge", "--responses", file, "--judge", "phrases", "--out", tmp_path / "out.jsonl")

    assert (done.code, (tmp_path / "out.jsonl").readlink()) == (0, real)
    assert json.loads(real.read_text())["verdict"] == "full_refusal"


@pytest.mark.parametrize(
    ("aim", "problem"), [("out.jsonl", "leads back to itself"), ("rows.jsonl", "is the file that is read")]
)
def test_a_link_that_leads_nowhere_or_to_what_is_read_is_refused(
    aim: str, problem: str, call: Call, tmp_path: Path
) -> None:
    file = write_rows(tmp_path / "rows.jsonl", [ROW])
    (tmp_path / "out.jsonl").symlink_to(tmp_path / aim)

    done = call("judge", "--responses", file, "--judge", "phrases", "--out", tmp_path / "out.jsonl")

    assert (done.code, problem in done.err, (tmp_path / "out.jsonl").is_symlink()) == (2, True, True)


def test_a_pipe_is_judged_by_a_model_as_a_file_is(tmp_path: Path) -> None:
    rows = [
        {"prompt": "a?", "response": f"Answer {k}. They are vermin." if k % 2 else f"Answer {k}."} for k in range(5)
    ]
    with ScriptedEndpoint(rating) as server:
        settings = write_settings(tmp_path, server)
        command = ("judge", "--settings", settings, "--out", "-", "--book", tmp_path / "book.sqlite", "--responses")
        code, judged, said = piped(lines(rows), *command, "-")
        again = piped(b"", *command, write_rows(tmp_path / "answers.jsonl", rows))[1]
        num_heard = len(server.heard)

    assert (code, [row["verdict"] for row in judged]) == (0, ["harmless", "harmful", "harmless", "harmful", "harmless"])
    assert f"at most {num_heard} requests to 127.0.0.1" in said
    assert again == judged


def test_a_bad_row_at_the_end_of_a_pipe_is_found_before_a_model_is_asked(tmp_path: Path) -> None:
    with ScriptedEndpoint(rating) as server:
        settings = write_settings(tmp_path, server)
        rows = lines([ROW] * 600 + [{"prompt": "a?"}])
        code, judged, said = piped(
            rows, *("judge", "--settings", settings, "--out", "-", "--book", tmp_path / "b", "--responses", "-")
        )

    assert (code, judged, "stdin, row 601" in said, server.heard) == (2, [], True, [])


def test_out_that_is_a_device_is_refused_and_stays(tmp_path: Path, call: Call) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    rows = write_rows(tmp_path / "rows.jsonl", [{"prompt": "Why?", "response": "Yes."}])
    done = call("judge", "--responses", rows, "--judge", "refusal", "--out", pipe)
    assert (done.code, "is a device or a pipe" in done.err, pipe.is_fifo()) == (2, True, True)


def test_rows_without_a_verdict_are_told(tmp_path: Path, call: Call) -> None:
    rows = write_rows(
        tmp_path / "rows.jsonl", [{"prompt": "Why?", "response": text} for text in ("Yes, of course.", "")]
    )
    done = call("judge", "--responses", rows, "--judge", "refusal", "--out", tmp_path / "out.jsonl")
    assert "judged 2 rows: 1 with a verdict, 1 unusable (see `reason`)" in done.out
