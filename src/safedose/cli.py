"""The command line: one short function per verb. It parses, calls and prints; it decides nothing."""

from __future__ import annotations

import json
import re
import signal
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from safedose import __version__
from safedose.errors import InputError, RunError, SafedoseError

app = typer.Typer(
    help="How much safety data does your fine-tune need? Measure it.",
    no_args_is_help=True, pretty_exceptions_enable=False, add_completion=True,
)  # fmt: skip
INTERRUPTED = "interrupted: run the same command again to go on; finished work is kept"
importer = typer.Typer(help="Bring in what was made elsewhere.", no_args_is_help=True)
app.add_typer(importer, name="import")

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY.yaml", help="the study file")]
StudyDir = Annotated[Path, typer.Argument(metavar="DIR", help="the study folder, or its study.yaml")]
Settings = Annotated[list[str] | None, typer.Option("--set", help="a.b=value: wins over the study file; repeatable")]
Json = Annotated[bool, typer.Option("--json", help="print the result as JSON on stdout, and nothing else")]


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="folder of the study")] = Path("demo-study"),
    quick: Annotated[bool, typer.Option("--quick", help="fewer arms, one seed: under two minutes")] = False,
    settings: Settings = None,
    as_json: Json = False,
) -> None:
    """Run a whole dose study in the small world: offline, in minutes."""
    from safedose import commands

    run(commands.start_demo(out, quick=quick), settings, as_json)


@app.command()
def init(
    name: Annotated[str, typer.Argument(help="folder and name of the new study")],
    recipe: Annotated[str, typer.Option(help="what to start from")] = "smallworld",
    as_json: Json = False,
) -> None:
    """Write a commented study file to start from."""
    from safedose import commands

    file = commands.init(Path(name), recipe)
    _print({"study_file": str(file)}, as_json, f"wrote {file}\nnext:  safedose plan {file}")


@app.command()
def plan(study: StudyFile, settings: Settings = None, as_json: Json = False) -> None:
    """Check everything and say what a run would do; spends and writes nothing."""
    from safedose import commands, tables

    planned = commands.plan(study, settings or [])
    _print(tables.plan_as_json(planned), as_json, lambda: tables.plan_table(planned))


@app.command()
def run(study: StudyFile, settings: Settings = None, as_json: Json = False) -> None:
    """Do a study from start to end; run the same command again to go on after a stop."""
    from safedose import commands, tables
    from safedose.progress import Watch

    watch = Watch(quiet=as_json)
    folder, summary = commands.run(study, settings or [], watch)
    report = folder.path / "report.html"
    result = {"report": str(report), "recommendations": tables.as_json(summary.recommendations)}
    _print(result, as_json, lambda: tables.summary_table(summary))
    watch.say(f"{tables.time_line(watch.seconds, total=watch.elapsed)}\nreport: {report}")


def _stage(verb: str, place: Path, settings: list[str] | None, as_json: bool) -> None:
    from safedose import commands
    from safedose.progress import Watch

    folder = commands.run_stage(verb, place, settings or [], Watch(quiet=as_json))
    _print({"study": str(folder.path)}, as_json, f"{verb}: done in {folder.path}")


@app.command("mix")
def mix_verb(study: StudyDir, settings: Settings = None, as_json: Json = False) -> None:
    """1. Mix doses of safety data into the instruction data."""
    _stage("mix", study, settings, as_json)


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
    responses: Annotated[Path | None, typer.Option(help="instead of a study: a file with prompt and response")] = None,
    judge: Annotated[str | None, typer.Option(help="judge of the file: an id, or package.module:name")] = None,
    out: Annotated[Path | None, typer.Option(help="where the judged rows of the file go (JSONL)")] = None,
    axis: Annotated[
        str | None, typer.Option(help="refusal, harm or correctness; the judge's first if left out")
    ] = None,
    settings: Settings = None,
    as_json: Json = False,
) -> None:
    """4. Judge the responses of a study, or of any file."""
    from safedose import commands

    if study is not None and responses is None and judge is None and out is None:
        _stage("judge", study, settings, as_json)
    elif study is None and responses is not None and judge is not None and out is not None:
        num_rows = commands.judge_file(responses, judge, out, axis)
        _print({"out": str(out), "num_rows": num_rows}, as_json, f"judged {num_rows} rows -> {out}")
    else:
        raise typer.BadParameter("give a study folder, or all of --responses, --judge and --out")


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
    max_harmful: Annotated[float | None, typer.Option(help="largest acceptable harmful rate")] = None,
    max_exaggerated: Annotated[
        float | None, typer.Option(help="largest acceptable rate of refusing harmless prompts")
    ] = None,
    probability: Annotated[float | None, typer.Option(help="how sure the answer must be")] = None,
    settings: Settings = None,
    as_json: Json = False,
) -> None:
    """Name the smallest dose that meets the criteria; exits 3 when no curve has one."""
    from safedose import commands, tables

    given = {
        "criteria.harmful.max": max_harmful,
        "criteria.exaggerated.max": max_exaggerated,
        "criteria.probability": probability,
    }
    overrides = [f"{key}={value}" for key, value in given.items() if value is not None]
    found = commands.recommend_dose(study, [*(settings or []), *overrides])
    _print({"recommendations": tables.as_json(found)}, as_json, lambda: tables.recommendation_table(found))
    if found and all(one.dose is None for one in found):
        raise typer.Exit(3)


@app.command()
def status(study: StudyDir, as_json: Json = False) -> None:
    """Say what a study has finished and what is left."""
    from safedose import commands, tables

    counts = commands.status(study)
    _print(counts, as_json, lambda: tables.status_table(counts))


@importer.command("responses")
def import_responses(
    file: Annotated[Path, typer.Argument(help="JSONL, JSON, CSV or Parquet with dose, suite, prompt, response")],
    out: Annotated[Path, typer.Option(help="the study folder to make")],
    mapping: Annotated[list[str] | None, typer.Option("--map", help="ours=theirs: a column by another name")] = None,
    as_json: Json = False,
) -> None:
    """Make a study folder from responses generated elsewhere."""
    from safedose import commands

    folder = commands.import_responses(file, out, mapping or [])
    num_arms = len(folder.arms())
    text = f"imported {num_arms} arms\nnext:  safedose judge {out}; safedose estimate {out}; safedose report {out}"
    _print({"study": str(out), "num_arms": num_arms}, as_json, text)


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="print the version and stop")] = False,
) -> None:
    """Print the version when asked."""
    if show:
        typer.echo(__version__)
        raise typer.Exit


def _print(result: Any, as_json: bool, text: Any) -> None:
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False))
    elif isinstance(text, str):
        typer.echo(text)
    else:
        text()


def _stop(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def main() -> None:
    """Run the command line; every error a user can meet becomes four lines and an exit code."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        app()
    except SystemExit as stop:  # Typer turns an interruption into this and says nothing
        if stop.code == 130:
            typer.echo(INTERRUPTED, err=True)
        raise
    except SafedoseError as error:
        _fail(error)
    except OSError as error:
        _fail(_explain(error))
    except KeyboardInterrupt:
        typer.echo(INTERRUPTED, err=True)
        sys.exit(130)


def _explain(error: OSError) -> SafedoseError:
    """Say in four parts what the file system refused; a path that cannot work is wrong input."""
    wrong_path = isinstance(error, FileExistsError | FileNotFoundError | IsADirectoryError | NotADirectoryError)
    return (InputError if wrong_path else RunError)(
        str(error.strerror or error), where=str(error.filename or "a file of the study"),
        cause="the path is a file where a folder is needed, or the reverse, or it may not be written",
        fix="give another path, or mend permissions and free space",
    )  # fmt: skip


def _fail(error: SafedoseError) -> NoReturn:
    if "--json" in sys.argv:
        parts = {"what": error.what, "where": error.where, "cause": error.cause, "fix": error.fix}
        typer.echo(json.dumps({"error": parts}, ensure_ascii=False))
    # what a file or a model wrote may hold control characters; a terminal must not obey them
    typer.echo(re.sub(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", "\ufffd", f"error: {error}"), err=True)
    sys.exit(error.exit_code)
