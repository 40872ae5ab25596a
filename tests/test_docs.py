"""The docs say what the code does: every setting, column, command, dependency and link."""

from __future__ import annotations

import dataclasses
import html
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pyarrow.parquet
import pytest
import typer.main
from pydantic import BaseModel

from safedose import study as settings
from safedose.cli import app
from safedose.codec import write_records
from safedose.findings import (
    Answering,
    Band,
    Contrast,
    Criterion,
    Curve,
    Disagreement,
    DoseDisagreement,
    Estimate,
    ReadTwice,
    Recommendation,
    Standing,
    Steadiness,
    Summary,
    TradeOff,
    VarianceSplit,
)
from safedose.generation import adaptertable, imported
from safedose.judgechoice import JudgeChoice
from safedose.judging.rewardfile import RewardFile
from safedose.judging.rows import ADDED
from safedose.judging.rubricfile import Canary, RubricFile
from safedose.records import Adapter, Arm, ImportedAdapter, MixedRow, Proof, Rereading, Response, Verdict
from safedose.remote.settings import Endpoint, JudgeServer

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
LINKING = [*PAGES, *(file for file in ROOT.glob("*.md"))]

PARTS: dict[type[BaseModel], str] = {
    settings.Study: "",
    settings.Data: "data.",
    settings.Source: "data.*[].",
    settings.Mix: "mix.",
    settings.Also: "mix.also[].",
    settings.Tune: "tune.",
    settings.Generate: "generate.",
    Endpoint: "generate.endpoint.",
    settings.SuiteChoice: "suites[].",
    JudgeChoice: "judges[].",
    JudgeServer: "judges[].endpoint.",
    settings.Criteria: "criteria.",
    settings.Limit: "criteria.*.",
    settings.Budget: "budget.",
}
"""How formats.md writes the keys of each part of a study file."""

COLUMNS_OF = {
    "mixture.parquet": MixedRow,
    "responses/&lt;suite&gt;.parquet": Response,
    "verdicts/&lt;judge&gt;/&lt;suite&gt;.parquet": Verdict,
    "rereadings/&lt;judge&gt;.parquet": Rereading,
    "estimates.parquet": Estimate,
}
KEYS_OF = {
    "plan.jsonl": (Arm,),
    "The adapter folder": (Adapter,),
    "imported.json and proof.json": (ImportedAdapter, Proof),
    "summary.json": (
        Summary,
        Recommendation,
        Criterion,
        Contrast,
        Curve,
        Band,
        VarianceSplit,
        TradeOff,
        Disagreement,
        DoseDisagreement,
        Standing,
        Steadiness,
        ReadTwice,
        Answering,
    ),
}


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def section(heading: str) -> str:
    """Give the part of formats.md under a heading, up to the next heading of any level."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", page("formats.md"), re.MULTILINE | re.DOTALL)
    assert found, f"formats.md has no heading {heading!r}"
    return found[1]


def rows(text: str) -> dict[str, list[str]]:
    """Read the rows of all tables by the code in their first cell."""
    cells = [[cell.strip() for cell in line.strip("| \n").split(" | ")] for line in text.splitlines() if "|" in line]
    return {row[0].strip("`"): row for row in cells if row[0].startswith("`")}


def documented() -> dict[str, list[str]]:
    """Read the rows of the chapter on the study file."""
    start, end = page("formats.md").index("## The study file"), page("formats.md").index("## Files of rows")
    return rows(page("formats.md")[start:end])


def keys(parts: dict[type[BaseModel], str] = PARTS) -> Iterator[tuple[str, str]]:
    """List every key of a study file, or of other parts, with its default, as formats.md writes them."""
    for part, prefix in parts.items():
        for name, field in part.model_fields.items():
            yield prefix + name, "required" if field.is_required() else shown(field.default)


def shown(default: Any) -> str:
    """Write a default as a study file would."""
    if isinstance(default, BaseModel):
        return "all defaults"
    if isinstance(default, tuple):
        return f"`[{', '.join(default)}]`"
    return f"`{default if isinstance(default, str) else json.dumps(default)}`"


def commands(group: Any, *above: str) -> Iterator[tuple[str, Any]]:
    """List every command with its path, such as "import responses"."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *above, name)
        else:
            yield " ".join((*above, name)), command


def anchors(text: str) -> set[str]:
    """List the anchors of a page as GitHub makes them from its headings."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", html.unescape(heading).lower()).replace(" ", "-") for heading in headings}


def parts_below(part: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Walk a part of a study file and all parts in it."""
    yield part
    hints = [field.annotation for field in part.model_fields.values()]
    while hints:
        hint = hints.pop()
        if isinstance(hint, type) and issubclass(hint, BaseModel):
            yield from parts_below(hint)
        hints += get_args(hint)


def test_every_part_of_a_study_file_has_its_place_in_the_formats() -> None:
    assert set(parts_below(settings.Study)) == set(PARTS)


def test_every_setting_is_documented_with_its_default() -> None:
    found = {key: row[2] for key, row in documented().items()}

    assert {key: found.get(key) for key, _ in keys()} == dict(keys())


def test_no_setting_is_documented_that_does_not_exist() -> None:
    assert documented().keys() - dict(keys()) == set()


@pytest.mark.parametrize(
    ("heading", "parts"),
    [
        ("A rubric file", {RubricFile: "", Canary: "canaries[]."}),
        ("The file of a reward model", {RewardFile: ""}),
    ],
)
def test_every_key_of_a_judges_file_is_documented_with_its_default(
    heading: str, parts: dict[type[BaseModel], str]
) -> None:
    assert {key: row[2] for key, row in rows(section(heading)).items()} == dict(keys(parts))


@pytest.mark.parametrize("heading", COLUMNS_OF)
def test_every_parquet_column_is_documented_and_no_other(heading: str, tmp_path: Path) -> None:
    write_records(tmp_path / "empty.parquet", [], COLUMNS_OF[heading])

    assert list(rows(section(heading))) == pyarrow.parquet.read_schema(tmp_path / "empty.parquet").names


@pytest.mark.parametrize("heading", KEYS_OF)
def test_every_key_of_a_json_file_is_documented_and_no_other(heading: str) -> None:
    fields = {field.name for kind in KEYS_OF[heading] for field in dataclasses.fields(kind)}

    assert rows(section(heading)).keys() - {"schema"} == fields


@pytest.mark.parametrize(
    ("heading", "columns"), [("import responses", imported.COLUMNS), ("import adapters", adaptertable.COLUMNS)]
)
def test_every_column_of_an_import_is_documented(heading: str, columns: tuple[str, ...]) -> None:
    found = {re.match(r"\w+", name)[0] for name in rows(section(heading))}

    assert found == set(columns)


def test_every_column_that_judging_adds_is_documented() -> None:
    assert list(rows(section("A judged file"))) == list(ADDED)


def test_every_command_and_option_is_in_some_page() -> None:
    text = "\n".join(file.read_text(encoding="utf-8") for file in PAGES)
    missing = []
    for name, command in commands(typer.main.get_command(app)):
        missing += [f"safedose {name}"] if f"safedose {name}" not in text else []
        options = {option for given in command.params for option in given.opts if option.startswith("--")}
        missing += [f"{name} {option}" for option in sorted(options - {"--help"}) if option not in text]

    assert missing == []


def test_every_dependency_has_its_reason_in_the_decisions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project.get("optional-dependencies", {}).values()
    names = [re.match(r"[\w-]+", line)[0] for line in [*project["dependencies"], *(one for e in extras for one in e)]]

    assert [name for name in names if f"`{name}`" not in page("DECISIONS.md")] == []


@pytest.mark.parametrize("file", LINKING, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_no_relative_link_is_broken(file: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", file.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        if re.match(r"\w+:", target):
            continue
        there = (file.parent / path) if path else file
        if not there.exists() or (anchor and anchor not in anchors(there.read_text(encoding="utf-8"))):
            broken.append(target)

    assert broken == []


def test_the_map_of_the_docs_leads_to_every_page() -> None:
    linked = set(re.findall(r"\]\(([\w.-]+\.md)\)", page("index.md")))

    assert {file.name for file in PAGES} - {"index.md"} == linked


@pytest.mark.parametrize("file", LINKING, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_no_page_names_a_path_of_one_machine(file: Path) -> None:
    assert re.findall(r"(?<![\w.])/(?:work|tmp|home|root|Users)/\S*", file.read_text(encoding="utf-8")) == []
