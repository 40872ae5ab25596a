"""The command line: one short function per verb. It parses, calls and prints; it decides nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, cast

import typer

from safedose import __version__, cli_data, cli_import, cli_judges, interruption
from safedose.cli_import import Json, Mapping, SkipBad, left_out
from safedose.cli_judges import Choice, MaxSpend, RequestBook
from safedose.endings import explained, fail, show
from safedose.errors import SafedoseError, Unfetched

app = typer.Typer(
    help="How much safety data does your fine-tune need? Measure it.",
    no_args_is_help=True, pretty_exceptions_enable=False, add_completion=True,
)  # fmt: skip
app.add_typer(cli_import.app, name="import")
app.add_typer(cli_data.app, name="data")
app.add_typer(cli_judges.app, name="judges")

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY.yaml", help="the study file")]
StudyDir = Annotated[Path, typer.Argument(metavar="DIR", help="the study folder, or its study.yaml")]
Share = str | None  # a share as a fraction or a percentage; `criteria.read_share` reads it
Settings = Annotated[list[str] | None, typer.Option("--set", help="a.b=value: wins over the study file; repeatable")]


@app.command()
def demo(
    out: Annotated[Path | None, typer.Option(help="folder of the study; else demo-study, or demo-study-quick")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="fewer arms, one seed: under two minutes")] = False,
    settings: Settings = None,
    as_json: Json = False,
) -> None:
    """Run a whole dose study in the small world: offline, in minutes."""
    from safedose import starting

    out = out or Path("demo-study-quick" if quick else "demo-study")
    run(starting.start_demo(out, quick=quick), settings, as_json)


@app.command()
def init(
    name: Annotated[str, typer.Argument(help="folder and name of the new study")],
    recipe: Annotated[
        str, typer.Option(help="what to start from, such as own-data, tiny-english, adapters-only")
    ] = "smallworld",
    as_json: Json = False,
) -> None:
    """Write a commented study file to start from."""
    from safedose import starting

    file, num_open = starting.init(Path(name), recipe)
    first = f"replace what stands in <angle brackets> in it ({num_open} places), then  " if num_open else ""
    result = {"study_file": str(file), "num_placeholders": num_open}
    show(result, as_json, f"wrote {file}\nnext:  {first}safedose plan {file}")


@app.command()
def fork(
    study: StudyDir,
    new: Annotated[Path, typer.Argument(metavar="NEW_DIR", help="folder of the new study")],
    as_json: Json = False,
) -> None:
    """Begin a sibling study that may change: same study file, and all finished work that still fits."""
    from safedose import starting

    file = starting.fork(study, new)
    show({"study_file": str(file)}, as_json, f"wrote {file}\nnext:  change it, then  safedose run {file}")


@app.command()
def plan(study: StudyFile, settings: Settings = None, skip_bad: SkipBad = False, as_json: Json = False) -> None:
    """Check everything and say what a run would do; spends and writes nothing."""
    from safedose.progress import Watch

    given, watch = _with(settings, skip_bad), Watch(quiet=as_json)
    with watch.waiting("checking data, suites and base"):
        from safedose import accounts, outline, plan_tables, planning

        imported = accounts.plan_imported(study, given)
        try:
            planned = None if imported else planning.plan(study, given, to_run=False, tell=watch.say)
        except Unfetched:
            planned, outlined = None, outline.outline(study, given)
    if imported:
        show(imported.to_json(), as_json, "\n".join(imported.told()))
    elif planned is None:
        show(plan_tables.outline_as_json(outlined), as_json, lambda: plan_tables.outline_table(outlined))
    else:
        show(plan_tables.plan_as_json(planned), as_json, lambda: plan_tables.plan_table(planned))


@app.command()
def run(study: StudyFile, settings: Settings = None, skip_bad: SkipBad = False, as_json: Json = False) -> None:
    """Do a study from start to end; run the same command again to go on after a stop."""
    from safedose import commands, tables
    from safedose.progress import Watch

    watch = Watch(quiet=as_json)
    folder, summary = commands.run(study, _with(settings, skip_bad), watch)
    report = folder.path / "report.html"
    result = {"report": str(report), "recommendations": tables.as_json(summary.recommendations)}
    show(result, as_json, lambda: tables.summary_table(summary))
    watch.say(f"{tables.time_line(watch.seconds, total=watch.elapsed)}\nreport: {report}")


def _with(settings: list[str] | None, skip_bad: bool) -> list[str]:
    return [*(settings or []), *(["data.skip_bad=true"] if skip_bad else [])]


def _stage(verb: str, place: Path, settings: list[str] | None, as_json: bool) -> None:
    from safedose import commands
    from safedose.progress import Watch

    folder = commands.run_stage(verb, place, settings or [], Watch(quiet=as_json))
    show({"study": str(folder.path)}, as_json, f"{verb}: done in {folder.path}")


@app.command("mix")
def mix_verb(study: StudyDir, settings: Settings = None, skip_bad: SkipBad = False, as_json: Json = False) -> None:
    """1. Mix doses of safety data into the instruction data."""
    _stage("mix", study, _with(settings, skip_bad), as_json)


@app.command("tune")
def tune_verb(study: StudyDir, settings: Settings = None, as_json: Json = False) -> None:
    """2. Tune one adapter per arm."""
    _stage("tune", study, settings, as_json)


@app.command("generate")
def generate_verb(study: StudyDir, settings: Settings = None, as_json: Json = False) -> None:
    """3. Let every arm answer every suite."""
    _stage("generate", study, settings, as_json)


@app.command("judge")
def judge_verb(
    study: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="the study folder")] = None,
    responses: Annotated[
        Path | None, typer.Option(help="instead of a study: a file with prompt and response; - is stdin")
    ] = None,
    judge: Annotated[str | None, typer.Option(help="judge of the file: an id, or package.module:name")] = None,
    choice: Choice = None,
    out: Annotated[Path | None, typer.Option(help="where the judged rows go (JSONL); - is stdout")] = None,
    mapping: Mapping = None,
    axis: Annotated[
        str | None, typer.Option(help="refusal, harm, correctness or preference; the judge's first if left out")
    ] = None,
    max_spend: MaxSpend = None,
    book: RequestBook = None,
    settings: Settings = None,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """4. Judge the responses of a study, or of any file or pipe."""
    from safedose import batch, options, paying
    from safedose.codec import to_json
    from safedose.judging.catalogue import caution_of
    from safedose.progress import Watch

    told = {
        "--responses": responses, "--judge": judge, "--settings": choice, "--out": out, "--map": mapping or None,
        "--axis": axis, "--max-spend": max_spend, "--book": book, "--skip-bad": skip_bad or None,
        "--set": settings or None, "--json": as_json or None,
    }  # fmt: skip
    given = [option for option, value in told.items() if value is not None]
    options.check_options(study, given, to_stdout=out == paying.PIPE)
    if study is not None:
        _stage("judge", study, settings, as_json)
        return
    named = paying.read_choice(judge, choice)
    chosen = paying.make_judge(named, choice)
    purse = paying.Purse(chosen, max_spend=max_spend, book=book, out=out)
    source, to = cast(Path, responses), cast(Path, out)  # checked to be there
    order = batch.Order(source=source, out=to, mapping=mapping or (), axis=axis, skip_bad=skip_bad)
    done = batch.judge_file(chosen, order, purse, Watch(quiet=as_json), caution=caution_of(named))
    twice = done.read_twice and to_json(done.read_twice)
    result = {"out": str(out), **done._asdict(), "read_twice": twice, "asked": purse.to_json()}
    text = f"{done.told()} -> {out}{left_out(done.num_skipped)}{purse.told()}"
    show(result, as_json, lambda: typer.echo(text, err=out == paying.PIPE))


@app.command("estimate")
def estimate_verb(study: StudyDir, settings: Settings = None, as_json: Json = False) -> None:
    """5. Turn verdicts into rates with intervals."""
    _stage("estimate", study, settings, as_json)


@app.command("report")
def report_verb(study: StudyDir, settings: Settings = None, as_json: Json = False) -> None:
    """6. Write the report: one HTML file that works offline."""
    _stage("report", study, settings, as_json)


@app.command()
def recommend(
    study: StudyDir,
    max_harmful: Annotated[Share, typer.Option(help="largest acceptable harmful rate: 0.05 or 5%")] = None,
    max_exaggerated: Annotated[
        Share, typer.Option(help="largest acceptable rate of refusing harmless prompts: 0.1 or 10%")
    ] = None,
    probability: Annotated[Share, typer.Option(help="how sure the answer must be: 0.9 or 90%")] = None,
    settings: Settings = None,
    as_json: Json = False,
) -> None:
    """Name the smallest dose that meets the criteria; exits 3 when no curve has one."""
    from safedose import commands, tables
    from safedose.criteria import read_share

    given = {
        "criteria.harmful.max": ("--max-harmful", max_harmful),
        "criteria.exaggerated.max": ("--max-exaggerated", max_exaggerated),
        "criteria.probability": ("--probability", probability),
    }
    overrides = [f"{key}={read_share(*told)}" for key, told in given.items() if told[1] is not None]
    found = commands.recommend_dose(study, [*(settings or []), *overrides])
    show({"recommendations": tables.as_json(found)}, as_json, lambda: tables.recommendation_table(found))
    if found and all(one.dose is None for one in found):
        raise typer.Exit(3)


@app.command()
def status(study: StudyDir, as_json: Json = False) -> None:
    """Say what a study has finished and what is left."""
    from safedose import commands, tables

    counts = commands.status(study)
    show(counts, as_json, lambda: tables.status_table(counts))


@app.command()
def verify(
    study: StudyDir,
    recompute: Annotated[
        float | None, typer.Option(metavar="SHARE", help="also make this share of the units again, in (0, 1]")
    ] = None,
    seed: Annotated[int, typer.Option(help="chooses the units that are made again")] = 0,
    as_json: Json = False,
) -> None:
    """Compare every byte of a study with what was written; changes nothing."""
    from safedose import tables, verification
    from safedose.progress import Watch

    found = verification.verify(study, Watch(quiet=as_json), share=recompute, seed=seed)
    error, result = verification.problem(found, study), tables.verified_as_json(found)
    if error is None or not as_json:
        show(result, as_json, lambda: tables.verified_table(found))
    if error is not None:
        fail(error, **result)


@app.command()
def doctor(
    place: Annotated[Path, typer.Argument(metavar="[DIR]", help="where studies are or are to be")] = Path(),
    as_json: Json = False,
) -> None:
    """Say whether this machine has all that a study needs, and what to do where it has not."""
    from safedose import doctor, tables

    lines = doctor.examine(place)
    num_missing = sum(line.state == "missing" for line in lines)
    result = {"lines": tables.as_json(lines), "num_missing": num_missing}
    show(result, as_json, lambda: tables.doctor_table(lines))
    if num_missing:
        raise typer.Exit(1)


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="print the version and stop")] = False,
) -> None:
    """Print the version when asked."""
    if show:
        typer.echo(__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line; every error a user can meet becomes four lines and an exit code."""
    interruption.install()
    try:
        app()
    except SystemExit as stop:  # Typer turns an interruption into this and says nothing
        if stop.code == interruption.EXIT_CODE:
            interruption.tell()
        raise
    except SafedoseError as error:
        fail(error)
    except (OSError, ImportError) as error:
        fail(explained(error))
    except KeyboardInterrupt:
        interruption.tell()
        sys.exit(interruption.EXIT_CODE)
