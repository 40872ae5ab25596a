"""Calling the command line inside the test's own process: exit code, stdout and stderr of one command."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from safedose import cli


@dataclass(frozen=True)
class Done:
    """What came of a command."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Read stdout as the one JSON document it must be."""
        return json.loads(self.out)


Call = Callable[..., Done]


def make_call(patch: pytest.MonkeyPatch, captured: pytest.CaptureFixture[str]) -> Call:
    """Give a function that runs `safedose` with some arguments, as a shell would."""
    patch.setattr(cli.interruption, "install", lambda: None)  # the test's process keeps its own handlers
    patch.setenv("COLUMNS", "200")

    def call(*arguments: object) -> Done:
        captured.readouterr()
        patch.setattr(sys, "argv", ["safedose", *map(str, arguments)])
        try:
            cli.main()
            code = 0
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 0
        said = captured.readouterr()
        return Done(code, said.out, said.err)

    return call
