"""The report itself: puts answer, charts and tables together into one HTML file that needs no network.

No text of a prompt or a response comes here. Every name is escaped by the template engine, also inside
the inlined chart data; the page's own policy lets only the scripts written here run, and nothing load.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from safedose.findings import ReportFacts, Summary
from safedose.report import figures, words
from safedose.report.answer import answers_of, criterion_words, lead_of
from safedose.report.contrasts import contrast_table
from safedose.report.curves import (
    Curve,
    CurveStyle,
    View,
    curve_labels,
    curve_of,
    curve_styles,
    curves_of,
    kind_label,
    shares_panel,
    views_of,
)
from safedose.report.fits import band_words
from safedose.report.points import start_of
from safedose.report.readtwice import twice_table, unsteady_judges
from safedose.report.tables import (
    Column,
    EstimateTable,
    adapter_rows,
    estimate_table,
    failure_rows,
    imported_rows,
    interval_words,
)
from safedose.report.wordtables import word_tables

MAX_ADAPTER_ESTIMATES = 4000
"""Estimates of single adapters that tables list; more would bury the reader and pass the size limit."""

MAX_CHART_BYTES = 2_200_000
"""What all charts together may weigh; what does not fit is left out and said, its numbers are in tables."""

HEADINGS = {
    "harm": "Does it still answer harmful requests?",
    "exaggerated": "Does it refuse harmless requests?",
    "capability": "Does it still know what it knew?",
    "helpfulness": "Does it still help as much as dose 0?",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A panel ready for the page.

    Attributes:
        id: Unique inside the page.
        title, limit, shapes, text: Heading, the bound set on it and what is said of its curves (or nothing), and the
            chart in words.
        data: The specification as JSON that cannot end a script element.
        picture: The static picture as a `data:` address.
    """

    id: str
    title: str
    limit: str
    shapes: str
    text: str
    data: Markup
    picture: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The charts that answer one question as one judge sees it, and how many did not fit."""

    heading: str
    view: View
    charts: tuple[Chart, ...]
    num_left_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """How one curve looks, for the legend."""

    label: str
    style: CurveStyle


def render(summary: Summary, facts: ReportFacts) -> str:
    """Write the whole report of a study as one HTML page.

    The page holds no prompt and no response and loads nothing. It shows every estimate of scope `dose`,
    and those of single adapters unless there are more than `MAX_ADAPTER_ESTIMATES`, which it then says.

    Returns:
        A complete HTML document; the same input gives the same text, byte for byte.
    """
    views = views_of(summary, facts)
    asked = [Column(endpoint=v.endpoint, suite=suite, judge=v.judge) for v in views for suite in v.suites]
    library, script = figures.javascript(), _asset("report.js")
    num_single = sum(estimate.scope == "arm" for estimate in summary.estimates)
    pooled = any(e.scope == "dose" and interval_words(e) is not None for e in summary.estimates)
    with_adapters = num_single <= MAX_ADAPTER_ESTIMATES
    page = _templates().get_template("report.html")
    return page.render(
        summary=summary,
        facts=facts,
        lead=lead_of(summary),
        answers=answers_of(summary),
        criteria=tuple(dict.fromkeys(c for r in summary.recommendations for c in r.criteria)),
        sections=_sections(summary, views),
        transfers=_transfers(summary, facts, views),
        keys=_keys(summary),
        bands=band_words(summary),
        has_zero=any(one.dose == 0 for one in summary.estimates),
        headline=estimate_table(summary, asked, with_adapters=not pooled),
        picks=_picks(summary),
        word_tables=[*word_tables(summary), *filter(None, [twice_table(summary)])],
        unsteady=unsteady_judges(summary),
        suite_tables=_suite_tables(summary, facts, with_adapters),
        contrasts=contrast_table(summary),
        num_left_out=0 if with_adapters else num_single,
        adapters=adapter_rows(summary, facts),
        imported=imported_rows(summary, facts),
        failures=failure_rows(summary),
        styles=Markup(_asset("report.css")),  # noqa: S704 - our own file, not anyone's data
        themes=figures.themes(),
        themes_data=_script_json(figures.themes()),
        scripts=tuple(Markup(text) for text in (library, script)),  # noqa: S704 - our own files
        policy=_policy(library, script),
    )


@cache
def _templates() -> Environment:
    """Set up the template engine: everything is escaped, an unknown name is an error."""
    templates = Environment(
        loader=PackageLoader("safedose.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "shown": words.shown,
        "percent": words.percent,
        "duration": words.duration,
        "endpoint_words": words.endpoint_words,
        "criterion_words": criterion_words,
    }
    return templates


def _asset(name: str) -> str:
    return files("safedose.report").joinpath("templates", name).read_text(encoding="utf-8")


def _policy(*scripts: str) -> str:
    """Let exactly these scripts run, and nothing be loaded, sent or framed."""
    hashes = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _script_json(value: object) -> Markup:
    """Write JSON that can stand in a script element: no character in it can end the element."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    escaped = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    return Markup(escaped)  # noqa: S704 - what could be read as markup was escaped on the line above


def _section(name: str, heading: str, view: View, panels: Sequence[figures.Panel], max_bytes: int) -> Section:
    """Make panels ready for the page, as many as fit.

    A picture becomes an image of its own, so that no id inside it can clash with another's.
    """
    charts: list[Chart] = []
    num_bytes = 0
    for number, panel in enumerate(panels, start=1):
        drawn = base64.b64encode(figures.to_svg(panel.spec).encode()).decode()
        data, picture = _script_json(panel.spec), f"data:image/svg+xml;base64,{drawn}"
        num_bytes += len(data) + len(picture)
        if num_bytes > max_bytes:
            break
        chart = Chart(
            id=f"{name}-{number}",
            title=panel.title,
            limit=panel.limit,
            shapes=panel.shapes,
            text=panel.text,
            data=data,
            picture=picture,
        )
        charts.append(chart)
    return Section(heading=heading, view=view, charts=tuple(charts), num_left_out=len(panels) - len(charts))


def _sections(summary: Summary, views: Sequence[View]) -> tuple[Section, ...]:
    share = MAX_CHART_BYTES // (len(views) + 1)
    return tuple(
        _section(f"curve-{i}", HEADINGS[view.question], view, figures.curve_panels(view, summary), share)
        for i, view in enumerate(views, start=1)
    )


def _transfers(summary: Summary, facts: ReportFacts, views: Sequence[View]) -> tuple[Section, ...]:
    share = MAX_CHART_BYTES // (len(views) + 1)
    heading = "Does one format protect against another?"
    found = [(v, figures.transfer_panels(v, summary, facts)) for v in views if v.question == "harm"]
    return tuple(
        _section(f"transfer-{i}", heading, view, panels, share)
        for i, (view, panels) in enumerate(found, start=1)
        if panels
    )


def _keys(summary: Summary) -> tuple[Key, ...]:
    curves = curves_of(summary)
    labels, styles = curve_labels(curves), curve_styles(curves)
    if not shares_panel(curves):
        labels = {curve: kind_label(curve) for curve in curves}
    return tuple(dict.fromkeys(Key(label=labels[curve], style=styles[curve]) for curve in curves))


def _picks(summary: Summary) -> set[tuple[Curve, int]]:
    """Name the table rows of recommended doses; dose 0 stands in the row that curves share."""
    found = ((curve_of(r), r.dose) for r in summary.recommendations if r.dose is not None)
    return {(curve if dose else start_of(curve), dose) for curve, dose in found}


def _suite_tables(
    summary: Summary, facts: ReportFacts, with_adapters: bool
) -> tuple[tuple[str, str, EstimateTable], ...]:
    """Lay out everything that was estimated, suite by suite: (suite, expected behaviour, table)."""
    expected = dict(facts.suites)
    columns = {Column(endpoint=e.endpoint, suite=e.suite, judge=e.judge) for e in summary.estimates}
    suites = dict.fromkeys([*expected, *sorted({column.suite for column in columns})])
    tables = []
    for suite in suites:
        own = sorted(column for column in columns if column.suite == suite)
        if own:
            table = estimate_table(summary, own, with_adapters=with_adapters)
            tables.append((suite, expected.get(suite, "not stated"), table))
    return tuple(tables)
