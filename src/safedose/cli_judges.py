"""The command line of judges on their own: `safedose judges validate` and `safedose judges train-reward`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from safedose.endings import show
from safedose.errors import plain

if TYPE_CHECKING:
    from rich.console import Console

    from safedose.rewardcard import Made
    from safedose.stats.agreement import Measure
    from safedose.stats.validity import Agreement
    from safedose.validating import Validation

app = typer.Typer(help="Judges on their own: held against people, trained.", no_args_is_help=True)

SkipBad = Annotated[bool, typer.Option("--skip-bad", help="leave bad rows out, counted, instead of stopping")]
Json = Annotated[bool, typer.Option("--json", help="print the result as JSON on stdout, and nothing else")]
Higher = Literal["harmful", "harmless", "better"]
Laid = Literal["dialogue", "chat"]

Choice = Annotated[
    Path | None,
    typer.Option(
        "--settings", help="YAML file with one judge as an entry of `judges` in a study file, in place of its id"
    ),
]
MaxSpend = Annotated[float | None, typer.Option(help="money after which a judge that has prices stops, over all runs")]
RequestBook = Annotated[
    Path | None, typer.Option(help="where requests to a server are written down; else beside --out")
]

_MEASURES = ("kappa", "kappa_exact", "agreement", "sensitivity", "specificity", "auc")


@app.command()
def validate(
    labels: Annotated[Path, typer.Option(help="JSONL, JSON, CSV or Parquet with prompt, response, label")],
    judge: Annotated[
        str | None, typer.Argument(metavar="[JUDGE]", help="a judge's id, or package.module:name; or give --settings")
    ] = None,
    mapping: Annotated[
        list[str] | None, typer.Option("--map", help="ours=theirs: a column by another name; repeatable")
    ] = None,
    meaning: Annotated[
        list[str] | None,
        typer.Option(help="THEIRS=OURS: what a label means, such as 1_full_compliance=complied; repeatable"),
    ] = None,
    by: Annotated[str | None, typer.Option(help="column of the file whose values make groups")] = None,
    axis: Annotated[
        str | None, typer.Option(help="refusal, harm, correctness or preference; the judge's first if left out")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="where the answers go on which judge and label differ (JSONL, with their texts)")
    ] = None,
    choice: Choice = None,
    max_spend: MaxSpend = None,
    book: RequestBook = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="print the result as JSON on stdout, and nothing else")
    ] = False,
) -> None:
    """Compare a judge with people's labels: kappa, errors both ways, calibration; overall and by group."""
    from safedose import paying, validating
    from safedose.progress import Watch

    wishes, watch = (
        validating.Wishes(mapping=mapping or (), meanings=meaning or (), by=by, axis=axis),
        Watch(quiet=as_json),
    )
    chosen = paying.choose_judge(judge, choice)
    purse = paying.Purse(chosen, max_spend=max_spend, book=book, out=out)
    found = validating.validate(chosen, labels, wishes, out=out, purse=purse, tell=watch.say)
    told = {**found.to_json(), "out": out and str(out), "asked": purse.to_json()}
    show(told, as_json, lambda: _print(found, out, purse.told()))


@app.command("train-reward")
def train_reward(
    data: Annotated[str, typer.Option(help="rated or preferred dialogues: a file of rows, or an id of the catalogue")],
    model: Annotated[str, typer.Option(help="the encoder to begin with: a folder, or a Hub id with @revision")],
    out: Annotated[Path, typer.Option(help="folder for the trained model; must not exist")],
    higher: Annotated[Higher, typer.Option(help="what a high rating means, or what the preferred answer is more of")],
    threshold: Annotated[
        float | None, typer.Option(help="score at which harm begins; for ratings the middle if left out")
    ] = None,
    layout: Annotated[
        Laid, typer.Option(help="how dialogues are put: as marked text, or by a chat template")
    ] = "dialogue",
    max_tokens: Annotated[int, typer.Option(min=8, max=131_072, help="what is read of a dialogue")] = 512,
    epochs: Annotated[int, typer.Option(min=1, help="how often every row is shown")] = 1,
    batch_size: Annotated[int, typer.Option(min=1, help="rows per optimizer step")] = 32,
    micro_batch_size: Annotated[int, typer.Option(min=1, help="rows at once, for memory")] = 8,
    learning_rate: Annotated[float, typer.Option(help="of Adam, constant")] = 2e-5,
    held_out: Annotated[float, typer.Option(help="share of first prompts kept for measuring")] = 0.1,
    seed: Annotated[int, typer.Option(help="governs the head, the order, dropout, and what is held out")] = 42,
    mapping: Annotated[
        list[str] | None, typer.Option("--map", help="ours=theirs: a column by another name; repeatable")
    ] = None,
    licence: Annotated[str, typer.Option(help="of a file of your own, for the model's card")] = "not stated",
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Train a reward model on ratings or preferences; `reward:NAME` with `model: OUT` judges with it."""
    from safedose import rewarding
    from safedose.judging.train_reward import Recipe
    from safedose.progress import Watch

    wishes = rewarding.Wishes(
        data=data, model=model, higher=higher, threshold=threshold, held_out=held_out, mapping=mapping or (),
        licence=licence, skip_bad=skip_bad,
    )  # fmt: skip
    recipe = Recipe(
        layout=layout, max_tokens=max_tokens, epochs=epochs, batch_size=batch_size, micro_batch_size=micro_batch_size,
        learning_rate=learning_rate, seed=seed,
    )  # fmt: skip
    made = rewarding.train_reward(wishes, recipe, out, Watch(quiet=as_json))
    show({**made.to_json(), "out": str(out)}, as_json, lambda: _print_made(made, out))


def _print_made(made: Made, out: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    console, trained = Console(highlight=False, markup=False), made.trained
    left = made.num_bad + trained.num_unseen
    _say(console, f"trained on {trained.num_rows} {made.kind} of {made.data}, {trained.num_cut} cut; {left} left out")
    _say(console, f"held out, by first prompt: {made.num_held_out}; not to be scored: {made.num_unscored}")
    table = Table("", "value", "95% interval", "n", box=None, padding=(0, 2, 0, 0))
    for name, one in made.metrics.items():
        value, low, high = ("undefined" if end is None else f"{end:.3f}" for end in (one.value, one.low, one.high))
        table.add_row(name, value, low if low == "undefined" else f"{low} to {high}", str(one.n))
    console.print(table)
    _say(console, f"-> {out}: judge with `judge: reward:NAME` and `model: {out}`")


def _print(found: Validation, out: Path | None, spent: str) -> None:
    """Print numbers and group names, never a prompt or an answer."""
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    counted = " or ".join(found.counted)
    _say(console, f"{found.judge} against people, axis {found.axis}; counted: {counted}")
    if found.num_unlabelled:
        _say(console, f"{found.num_unlabelled} rows without a label left out")
    for one in (found.overall, *found.groups):
        _print_agreement(console, one, found.level)
    for note in found.notes:
        _say(console, f"note:  {note}")
    to = f" -> {out}" if out else "; --out FILE writes them for reading"
    _say(console, f"{len(found.differing)} answers differ from their label or have no verdict{to}{spent}")


def _say(console: Console, text: str) -> None:
    console.print(plain(text), soft_wrap=True)


def _print_agreement(console: Console, one: Agreement, level: float) -> None:
    from rich.table import Table

    missing = ", ".join(f"{number} {state}" for state, number in one.num_missing.items())
    name = "all" if one.group is None else f"group {one.group or '(empty)'}"
    _say(console, f"\n{name[:80]}: {one.num_rows} answers to {one.num_prompts} prompts; without a verdict: {missing}")
    table = Table("", "value", f"{level:.0%} interval", "n", box=None, padding=(0, 2, 0, 0))
    for measure in _MEASURES:
        table.add_row(measure, *_cells(getattr(one, measure)))
    console.print(table)
    _print_confusion(console, one.confusion)
    if one.calibration_undefined:
        _say(console, f"calibration: undefined, {one.calibration_undefined}")
        return
    table = Table("scores", "mean score", "people count", f"{level:.0%} interval", "n", box=None, padding=(0, 2, 0, 0))
    for fifth in one.calibration:
        scores = f"{fifth.low_score:.3g} to {fifth.high_score:.3g}"
        table.add_row(scores, f"{fifth.mean_score:.3g}", *_cells(fifth.people))
    console.print(table)


def _print_confusion(console: Console, confusion: Mapping[str, Mapping[str, int]]) -> None:
    from rich.table import Table

    values = list(confusion)
    said = [
        *values,
        *(k for k in next(iter(confusion.values())) if k not in values and any(confusion[v][k] for v in values)),
    ]
    table = Table("people / judge", box=None, padding=(0, 2, 0, 0))
    for name in said:
        table.add_column(name, justify="right")
    for label, row in confusion.items():
        table.add_row(label, *(str(row[name]) for name in said))
    console.print(table)


def _cells(measure: Measure) -> tuple[str, str, str]:
    if measure.value is None or measure.low is None or measure.high is None:
        return "undefined", measure.undefined_reason or "", str(measure.n)
    return f"{measure.value:.3f}", f"{measure.low:.3f} to {measure.high:.3f}", str(measure.n)
