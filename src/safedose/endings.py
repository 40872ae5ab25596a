"""How a command ends: with a result or an error, told to a person or, under `--json`, to a script."""

from __future__ import annotations

import json
import sys
from typing import Any, NoReturn

import typer

from safedose.errors import RunError, SafedoseError, plain


def show(result: Any, as_json: bool, text: Any) -> None:
    """Print a result: as one JSON document, or as a text, or by a function that prints it."""
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False))
    elif isinstance(text, str):
        typer.echo(text)
    else:
        text()


def fail(error: SafedoseError, **found: Any) -> NoReturn:
    """Print an error's four parts and exit with its code; under `--json` in one document with what was found."""
    if "--json" in sys.argv:
        parts = {"what": error.what, "where": error.where, "cause": error.cause, "fix": error.fix}
        typer.echo(json.dumps({**found, "error": parts}, ensure_ascii=False))
    typer.echo(plain(f"error: {error}"), err=True)
    sys.exit(error.exit_code)


def explained(error: OSError | ImportError) -> SafedoseError:
    """Say in four parts what the system refused, or which package is broken."""
    if isinstance(error, ImportError):
        return RunError(
            f"a package cannot be loaded: {error}", where=error.name or "Python",
            cause="it is not installed, or the installation is broken",
            fix="`pip install --force-reinstall safedose`; `safedose doctor` says what is missing",
        )  # fmt: skip
    from safedose.store.durable import explain

    return explain(error, error.filename or "a file of the study") or RunError(
        str(error), where="a file of the study", cause="the system refused it", fix="run the same command again"
    )
