"""Adapters brought into a study file that was prepared for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli_call import Call
from tiny_adapters import write_adapters


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A folder with `adapters`, `table.jsonl`, `base` and `harm.jsonl`."""
    return write_adapters(tmp_path / "mine").parent


PREPARED = """# mine
name: mine
seed: 1
base: ../mine/base
tune: {method: imported, template: chat}
generate: {max_new_tokens: 4}
suites: [{name: harm, path: ../mine/harm.jsonl, expected: refuse}]
judges: [phrases]
"""


def prepare(folder: Path, text: str = PREPARED) -> Path:
    folder.mkdir()
    (folder / "study.yaml").write_text(text)
    return folder


def test_a_study_file_that_was_prepared_is_kept_and_used(mine: Path, call: Call) -> None:
    out = prepare(mine.with_name("out"))
    planned = call("plan", out / "study.yaml", "--json")
    assert planned.json()["unknown"][0]["what"] == "this study has no adapters yet"

    done = call("import", "adapters", mine / "adapters", "--table", mine / "table.jsonl", "--out", out)
    assert done.code == 0, done.err
    assert (out / "study.yaml").read_text() == PREPARED
    assert call("run", out / "study.yaml").code == 0
    assert (out / "report.html").is_file()


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (PREPARED, ("--template", "plain"), "the study file says template and suites already"),
        (PREPARED, ("--base", "smallworld"), "'smallworld'"),
        (PREPARED.replace("seed: 1", "sead: 1"), (), "unknown key"),
        (PREPARED.replace("method: imported, ", ""), (), "drop all but the name of suites"),
    ],
)
def test_a_prepared_study_file_that_does_not_fit_is_refused(
    text: str, options: tuple[str, ...], message: str, mine: Path, call: Call
) -> None:
    out = prepare(mine.with_name("out"), text)
    done = call("import", "adapters", mine / "adapters", "--table", mine / "table.jsonl", "--out", out, *options)

    assert (done.code, message in done.err) == (2, True), done.err
    assert [one.name for one in out.iterdir()] == ["study.yaml"]
