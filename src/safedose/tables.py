"""What a terminal shows: plans, summaries and recommendations as tables."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from safedose.codec import to_json
from safedose.errors import plain
from safedose.findings import Criterion, Estimate, Recommendation, Summary

if TYPE_CHECKING:
    from safedose.doctor import Line
    from safedose.verification import Verified

HEADLINES = ("harmful_response_rate", "compliance_rate", "exaggerated_refusal_rate", "accuracy", "win_rate")
"""Endpoints worth a column in the terminal, most telling first; the report shows all."""

QUIET_SECONDS = 60
"""After so long without a sign a person should hear of it: a batch or a step may last, or the process hangs."""

MAX_COLUMNS = 4
"""Columns of rates that fit a terminal of 80 characters."""


def safe(text: str) -> str:
    """Make text that a file, a person or a model wrote fit to print: neither markup nor anything a terminal obeys."""
    return escape(plain(text).replace("\n", " "))


def as_json(records: Sequence[Any]) -> list[Any]:
    """Turn records into plain JSON values."""
    return [to_json(record) for record in records]


def summary_table(summary: Summary) -> None:
    """Print the rates the criteria are about, per curve and dose, then the recommendations."""
    columns = _columns(summary)
    rows: dict[tuple[Any, ...], dict[tuple[str, str, str], Estimate]] = {}
    single: dict[tuple[Any, ...], Estimate] = {}
    for one in summary.estimates:
        row, column = _row(one), (one.suite, one.endpoint, one.judge)
        if one.scope == "dose":
            rows.setdefault(row, {})[column] = one
        elif one.value is not None:
            single[row, column] = one
    seeds = {one.num_seeds for cells in rows.values() for column, one in cells.items() if column in columns}
    table = Table(title=f"{safe(summary.name)}: {_heading(summary, seeds)}", title_justify="left")
    for name in ("strategy", "format", "dose"):
        table.add_column(name, justify="right" if name == "dose" else "left", no_wrap=True)
    for suite, endpoint, judge in columns:
        name = endpoint.removesuffix("_rate").replace("_", " ")
        table.add_column(f"{_short(suite)}\n{name}\n({safe(judge)})", justify="right", overflow="fold")
    for row, cells in rows.items():
        shown = [_rate(cells.get(column), single.get((row, column)), mark=len(seeds) > 1) for column in columns]
        table.add_row(safe(row[3]), safe(row[4]), str(row[5]), *shown)
    console = Console()
    console.print(table)
    if len(seeds) > 1 and 1 in seeds:
        console.print("* one seed: the interval speaks of that adapter only")
    for failure in summary.failures:
        console.print(f"[bold]failed[/bold]: {safe(failure.arm)} at step {failure.step}: {safe(failure.reason)}")
    for again in summary.steadiness:
        for warning in again.warnings:
            line = f"[bold]judge {safe(again.judge)}[/bold], {again.axis}: {safe(warning)}"
            console.print(line, soft_wrap=True, highlight=False)
    recommendation_table(summary.recommendations)


def _row(one: Estimate) -> tuple[Any, ...]:
    return one.base, one.run, one.ladder, one.strategy, one.format, one.dose


def _heading(summary: Summary, seeds: set[int]) -> str:
    """Say what the numbers are, and of whom their intervals speak."""
    level = f"{summary.estimates[0].level:.0%}" if summary.estimates else "95%"
    if seeds <= {0, 1}:
        return f"one seed a dose, {level} intervals for these adapters"
    return f"rates over seeds, {level} intervals for the next adapter"


def _columns(summary: Summary) -> list[tuple[str, str, str]]:
    """Pick the columns the criteria are about; without criteria, the first few headline endpoints."""
    asked = {(c.suite, c.endpoint, c.judge): None for r in summary.recommendations for c in r.criteria}
    if asked:
        return list(asked)
    told = {(e.suite, e.endpoint, e.judge): None for e in summary.estimates if e.endpoint in HEADLINES}
    return sorted(told, key=lambda column: HEADLINES.index(column[1]))[:MAX_COLUMNS]


def _short(suite: str) -> str:
    return safe(suite.removeprefix("smallworld-"))


def _rate(one: Estimate | None, alone: Estimate | None, *, mark: bool) -> str:
    """Say a rate with its interval; with one seed, that of the only adapter."""
    if one is None:
        return ""
    if one.value is None:
        return "undefined"
    ends = one if one.num_seeds > 1 or alone is None else alone
    if ends.low is None or ends.high is None:
        return f"{one.value:.2f}"
    return f"{one.value:.2f} {ends.low:.2f}-{ends.high:.2f}{'*' if mark and one.num_seeds == 1 else ''}"


def recommendation_table(recommendations: Sequence[Recommendation]) -> None:
    """Print what was asked, then a line per curve: its dose and how sure it is, or what fails, and what to do."""
    from safedose.report.answer import criterion_words, not_asked, sentence, standing_words

    console = Console()
    groups: dict[tuple[Criterion, ...], list[Recommendation]] = {}
    for one in recommendations:
        groups.setdefault(one.criteria, []).append(one)
    for criteria, found in groups.items():
        whose = f" of {', '.join(dict.fromkeys(safe(one.run) for one in found))}" if len(groups) > 1 else ""
        lines = [f"{one.name}: {criterion_words(one)}, by {one.judge}" for one in criteria]
        lines += not_asked(criteria, [one for others in groups for one in others])
        for line in (f"Limits{whose}:", *(f"  {safe(one)}" for one in lines)):
            console.print(line, soft_wrap=True, highlight=False)
        for one in found:
            curve = f"{one.strategy}/{one.format}" + ("" if one.run == "default" else f" ({one.run})")
            console.print(f"[bold]{safe(curve)}[/bold]: {safe(sentence(one))}", soft_wrap=True, highlight=False)
            for line in (*standing_words(one), one.advice):
                console.print(f"  {safe(line)}", soft_wrap=True, highlight=False)


def status_table(found: Mapping[str, Any]) -> None:
    """Print who works on a study, what is finished, a line a stage, and what failed."""
    console = Console()
    lines = [f"{safe(found['name'])}: {found['arms']} arms", *_writer_lines(found["writer"])]
    lines += [f"  {stage:>10} {done} of {total}" for stage, (done, total) in found["stages"].items()]
    lines += [
        f"[bold]failed[/bold]: {safe(one['arm'])} at step {one['step']}: {safe(one['reason'])}"
        for one in found["failures"]
    ]
    lines += [f"next:  {safe(found['next'])}"] if found["next"] else []
    for line in lines:
        console.print(line, soft_wrap=True, highlight=False)


def _writer_lines(writer: Mapping[str, Any] | None) -> list[str]:
    if writer is None:
        return ["nobody has worked on it yet"]
    state, command = writer["state"], safe(writer["command"])
    who = f"`{command}`, process {writer['pid']} on {safe(writer['host'])}"
    began = f"begun {_span(time.time() - writer['started'])} ago"
    if state == "working":
        quiet = f", no sign for {_span(writer['silent'])}" if writer["silent"] > QUIET_SECONDS else ""
        return [f"working: {who}, {began}{quiet}", *_stage_lines(writer)]
    if state == "finished":
        return [f"finished: by {who}"]
    return [f"stopped: run the same command again to go on; it was {who}, {began}", *_stage_lines(writer)]


def _stage_lines(writer: Mapping[str, Any]) -> list[str]:
    if not writer["stage"]:
        return []
    left = "" if writer["eta"] is None or writer["state"] != "working" else f", about {_span(writer['eta'])} left"
    what = f", {safe(writer['what'])}" if writer["what"] else ""
    return [f"  {safe(writer['stage'])}: {writer['done']} of {writer['total']} {safe(writer['unit'])}{what}{left}"]


def _span(seconds: float) -> str:
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"


def verified_as_json(found: Verified) -> dict[str, Any]:
    """Say what a check found, as plain values."""
    return {
        "counts": found.counts,
        "damaged": as_json(found.damaged),
        "missing": list(found.missing),
        "leftovers": [{"path": path, "what": what} for path, what in found.leftovers],
        "being_written": found.being_written,
        "recomputed": as_json(found.again),
        "note": found.note,
    }


def verified_table(found: Verified) -> None:
    """Print a line per kind, then what is damaged, missing, left over and came out otherwise."""
    table = Table()
    for column in ("kind", "units", "bytes", "ok", "missing", "damaged"):
        table.add_column(column, justify="left" if column == "kind" else "right")
    for kind, count in found.counts.items():
        table.add_row(kind, *(f"{count[column]:,}" for column in ("units", "bytes", "ok", "missing", "damaged")))
    console = Console()
    console.print(table)
    lines = [f"[bold]damaged[/bold]: {safe(f'{damage.path} {damage.problem}')}" for damage in found.damaged]
    if found.missing:
        lines.append(f"{len(found.missing)} not made yet, such as {safe(found.missing[0])}: `safedose run` makes them")
    lines += [safe(f"{path} {what}") for path, what in found.leftovers]
    lines += [safe(found.note)] if found.note else []
    if found.being_written:
        lines.append("another process is working on this study: what it has in hand counts as missing")
    lines += [f"made again: {safe(one.path)}: {_came_out(one.differing)}" for one in found.again]
    for line in lines:
        console.print(line, soft_wrap=True)


def _came_out(differing: Sequence[str]) -> str:
    return f"[bold]differs[/bold] in {safe(', '.join(differing))}" if differing else "same bytes"


def doctor_table(lines: Sequence[Line]) -> None:
    """Print a line per finding, with what to do where there is something to do."""
    table = Table(box=None, show_header=False, pad_edge=False)
    styles = {"ok": "green", "warn": "yellow", "missing": "bold red"}
    for line in lines:
        todo = f"\n-> {safe(line.todo)}" if line.todo else ""
        state = f"[{styles[line.state]}]{line.state}[/]"
        table.add_row(state, safe(line.topic), f"{safe(line.found)}{todo}")
    Console().print(table)


def time_line(seconds: Mapping[str, float], *, total: float) -> str:
    """Say in one line where the time went; what no stage took (checking, loading) is the rest."""
    spent = {**seconds, "rest": total - sum(seconds.values())}
    return f"time: {total:.1f} s ({', '.join(f'{stage} {one:.1f} s' for stage, one in spent.items())})"
