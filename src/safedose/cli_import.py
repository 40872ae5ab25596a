"""The command line of what was made elsewhere: `safedose import responses` and `import adapters`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from safedose.endings import show
from safedose.errors import plain

app = typer.Typer(help="Bring in what was made elsewhere.", no_args_is_help=True)

SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="leave bad rows out, counted, instead of stopping at the first")
]
Json = Annotated[bool, typer.Option("--json", help="print the result as JSON on stdout, and nothing else")]
Out = Annotated[Path, typer.Option(help="the study folder to make")]
Mapping = Annotated[list[str] | None, typer.Option("--map", help="ours=theirs: a column by another name; repeatable")]

_MOST_NAMED = 10


@app.command("responses")
def import_responses(
    file: Annotated[Path, typer.Argument(help="JSONL, JSON, CSV or Parquet with dose, suite, prompt, response")],
    out: Out,
    mapping: Mapping = None,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Make a study folder from responses generated elsewhere."""
    from safedose import importing

    folder, num_skipped = importing.import_responses(file, out, mapping or [], skip_bad=skip_bad)
    num_arms = len(folder.arms())
    text = f"imported {num_arms} arms{left_out(num_skipped)}"
    text += f"\nnext:  safedose judge {out}; safedose estimate {out}; safedose report {out}"
    show({"study": str(out), "num_arms": num_arms, "num_skipped": num_skipped}, as_json, text)


@app.command("adapters")
def import_adapters(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="the folder in which the adapters lie")],
    table: Annotated[Path, typer.Option(help="JSONL, JSON, CSV or Parquet with adapter and dose, a row per adapter")],
    out: Out,
    base: Annotated[
        str | None, typer.Option(help="folder, smallworld or Hub id; else the base that each adapter names")
    ] = None,
    template: Annotated[str | None, typer.Option(help="the form they were trained in: chat, alpaca or plain")] = None,
    suite: Annotated[
        list[str] | None, typer.Option(help="what they are asked: a name of the catalogue, or NAME=FILE; repeatable")
    ] = None,
    mapping: Mapping = None,
    as_json: Json = False,
) -> None:
    """Make a study folder from LoRA adapters trained elsewhere."""
    from safedose import adopting

    wishes = adopting.Wishes(base=base, template=template, suites=suite or (), mapping=mapping or ())
    found = adopting.import_adapters(folder, table, out, wishes)
    result = {
        "study": str(out), "num_arms": found.num_arms, "unnamed": list(found.unnamed), "notes": list(found.notes),
    }  # fmt: skip
    lines = [f"imported {found.num_arms} adapters", *_unnamed(found.unnamed), *(f"note:  {one}" for one in found.notes)]
    file = found.folder.study_file
    lines.append(f"next:  look through {file}, then  safedose plan {file}  and  safedose run {file}")
    show(result, as_json, plain("\n".join(lines)))


def left_out(num_rows: int) -> str:
    """Say how many bad rows were left out; nothing where none were."""
    return f"; {num_rows} bad rows left out" if num_rows else ""


def _unnamed(folders: Sequence[str]) -> list[str]:
    if not folders:
        return []
    more = f" and {len(folders) - _MOST_NAMED} more" if len(folders) > _MOST_NAMED else ""
    return [f"not in the table, left out: {', '.join(folders[:_MOST_NAMED])}{more}"]
