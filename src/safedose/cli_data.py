"""The command line of the catalogue: `safedose data list`, `fetch` and `check`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from safedose.endings import show

if TYPE_CHECKING:
    from safedose.data.places import Found
    from safedose.data.releases import Source

app = typer.Typer(help="Public data by name: what there is, fetch it, check it.", no_args_is_help=True)

Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="sources, as `safedose data list` names them")]
DataDir = Annotated[
    Path | None, typer.Option(help="a folder of data files; else the environment's SAFEDOSE_DATA, then the cache")
]
Json = Annotated[bool, typer.Option("--json", help="print the result as JSON on stdout, and nothing else")]


@app.command("list")
def list_sources(data_dir: DataDir = None, as_json: Json = False) -> None:
    """List the sources: kind, rows, licence, and whether their files are here. Asks no network."""
    from safedose.data.places import data_dirs
    from safedose.data.sources import SOURCES

    dirs = data_dirs(data_dir)
    rows = [_described(source, _here(source, dirs)) for source in SOURCES.values()]
    show({"sources": rows}, as_json, lambda: _list_table(rows))


@app.command()
def fetch(
    ids: Ids,
    data_dir: Annotated[
        Path | None, typer.Option(help="folder that must hold the files; else the user's cache")
    ] = None,
    files: Annotated[str | None, typer.Option(help="which files of a Hub data set: data/train-*.parquet")] = None,
    as_json: Json = False,
) -> None:
    """Fetch the files of sources, or of data sets of the Hub (owner/name@revision); the same command goes on."""
    from safedose.data.fetching import fetch as fetch_source
    from safedose.data.hubdata import fetch_hub_data
    from safedose.data.places import Found
    from safedose.data.sources import find_source
    from safedose.progress import Watch

    named, of_hub = _told_apart(ids, "safedose data fetch", data_dir=data_dir, files=files)
    sources = [find_source(one, where="safedose data fetch") for one in named]
    watch = Watch(quiet=as_json)
    found = {source.id: fetch_source(source, watch, data_dir=data_dir) for source in sources}
    for name in of_hub:
        data = fetch_hub_data(name, files)
        found[f"{name} (commit {data.commit})"] = tuple(Found(file, None, None, "unverified") for file in data.files)
    show({"files": _as_json(found)}, as_json, lambda: _found_table(found))


@app.command()
def check(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID...]", help="sources, or data sets of the Hub; else all that are here"),
    ] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Hash the files that are here and compare; exits 1 when one differs. Asks no network."""
    from safedose.data.hubdata import list_hub_data
    from safedose.data.places import Found, data_dirs, hash_of, locate
    from safedose.data.sources import SOURCES, find_source

    names, of_hub = _told_apart(ids or SOURCES, "safedose data check", data_dir=data_dir)
    found = {name: locate(find_source(name, where="safedose data check"), data_dir=data_dir) for name in names}
    if not ids:
        found = {name: files for name, files in found.items() if any(one.state != "absent" for one in files)}
    for name in of_hub:
        commit, paths = list_hub_data(name)
        found[f"{name} (commit {commit})"] = tuple(
            Found(path, hash_of(path), None, "unverified") if path.is_file() else Found(path, None, None, "absent")
            for path in paths
        )
    if not found:
        looked = ", ".join(map(str, data_dirs(data_dir)))
        show({"files": []}, as_json, f"no file of the catalogue is here; looked in {looked}")
        return
    show({"files": _as_json(found)}, as_json, lambda: _found_table(found))
    if any(one.state == "differs" for files in found.values() for one in files):
        raise typer.Exit(1)


def _told_apart(
    ids: Iterable[str], where: str, *, data_dir: Path | None, files: str | None = None
) -> tuple[list[str], list[str]]:
    """Tell names of the catalogue from data sets of the Hub; refuse an option that one of them would not heed."""
    from safedose.data.hubdata import is_hub_data
    from safedose.errors import InputError

    names = list(ids)
    of_hub = [name for name in names if is_hub_data(name, root=Path())]
    named = [name for name in names if name not in of_hub]
    if of_hub and data_dir:
        raise InputError(
            f"--data-dir is not for {of_hub[0]!r}, a data set of the Hub", where=where,
            cause="its files lie in the cache of the Hub's own tools", fix="leave it out, or set HF_HOME",
        )  # fmt: skip
    if named and files:
        raise InputError(
            f"--files is for data sets of the Hub, {named[0]!r} is none", where=where,
            cause="the catalogue knows the files of its sources", fix="leave it out, or fetch the two one by one",
        )  # fmt: skip
    return named, of_hub


def _here(source: Source, dirs: tuple[Path, ...]) -> str:
    """Say whether all files of a source are somewhere; `made` where it has none."""
    if not source.files:
        return "made"
    either = ([file, file.repacked] if file.repacked else [file] for file in source.files)
    there = all(any((folder / one.path).is_file() for folder in dirs for one in kinds) for kinds in either)
    return "here" if there else "absent"


def _described(source: Source, here: str) -> dict[str, Any]:
    facts = asdict(source)
    files = [{key: value for key, value in file.items() if key != "repacked"} for file in facts.pop("files")]
    return {**facts, "known": source.known, "here": here, "files": files}


def _as_json(found: dict[str, tuple[Found, ...]]) -> list[dict[str, Any]]:
    return [
        {"id": name, "path": str(one.path), "sha256": one.sha256, "expected": one.expected, "state": one.state}
        for name, files in found.items()
        for one in files
    ]


def _list_table(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    console, titles = Console(), {"prompts": "prompts of suites"}
    for kind in dict.fromkeys(row["kind"] for row in rows):
        table = Table(title=titles.get(kind, f"{kind} data"), title_justify="left", box=None, padding=(0, 2, 0, 0))
        for column in ("id", "rows", "licence", "commercial", "files"):
            right = column == "rows"
            table.add_column(column, justify="right" if right else "left", no_wrap=column == "id", min_width=10 - right)
        for row in rows:
            if row["kind"] == kind:
                num_rows = f"{row['num_rows']:,}" if row["num_rows"] else "?"
                files = row["here"] if row["known"] else f"{row['here']}, unverified"
                table.add_row(row["id"], num_rows, row["licence"], row["commercial"], files)
        console.print(table)
        console.print()


def _found_table(found: dict[str, tuple[Found, ...]]) -> None:
    from rich.console import Console
    from rich.markup import escape

    from safedose.errors import plain

    console = Console()
    for name, files in found.items():
        for one in files or [None]:
            text = f"{one.state}  {one.path}" if one else "made by safedose"
            console.print(f"{name}: {escape(plain(text))}", soft_wrap=True, highlight=False)
