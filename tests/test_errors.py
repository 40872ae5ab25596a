"""Errors: four parts each, exit codes, and the nearest word."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import safedose
from safedose import errors
from safedose.errors import GateError, InputError, RunError, SafedoseError, nearest

RAISED = {"GateError", "InputError", "RunError", "SafedoseError"}
PARTS = ("where", "cause", "fix")
SOURCES = sorted(Path(safedose.__file__).parent.rglob("*.py"))


def raises() -> list[tuple[str, ast.Call]]:
    """Find every place in the package that makes an error for people."""
    return [
        (f"{file.name}:{node.lineno}", node)
        for file in SOURCES
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RAISED
    ]


def words(part: ast.expr) -> str:
    """The fixed text of a part, with a placeholder where a value is filled in."""
    if isinstance(part, ast.Constant):
        return str(part.value)
    if isinstance(part, ast.JoinedStr):
        return "".join(str(piece.value) if isinstance(piece, ast.Constant) else "x" for piece in part.values)
    return "a value"


def test_there_are_errors_to_look_at() -> None:
    assert len(raises()) > 50


@pytest.mark.parametrize(("place", "call"), [pytest.param(*found, id=found[0]) for found in raises()])
def test_error_has_four_parts(place: str, call: ast.Call) -> None:
    given = {keyword.arg: keyword.value for keyword in call.keywords}

    assert len(call.args) == 1
    assert set(given) == set(PARTS)
    assert all(words(part).strip() for part in (*call.args, *given.values()))


@pytest.mark.parametrize(("place", "call"), [pytest.param(*found, id=found[0]) for found in raises()])
def test_parts_are_clauses_without_a_full_stop(place: str, call: ast.Call) -> None:
    parts = [call.args[0], *(keyword.value for keyword in call.keywords)]

    assert not [words(part) for part in parts if words(part).rstrip().endswith(".")]


def test_message_shows_the_four_parts() -> None:
    error = InputError("dose -1 is no dose", where="mix.doses", cause="a slip", fix="give a count")

    assert str(error) == "dose -1 is no dose\n  where: mix.doses\n  cause: a slip\n  fix:   give a count"


@pytest.mark.parametrize(("kind", "code"), [(InputError, 2), (GateError, 3), (RunError, 1), (SafedoseError, 1)])
def test_each_kind_has_its_exit_code(kind: type[SafedoseError], code: int) -> None:
    assert kind("x", where="x", cause="x", fix="x").exit_code == code


def test_a_part_cannot_be_left_out() -> None:
    with pytest.raises(TypeError, match="fix"):
        InputError("what", where="here", cause="why")  # type: ignore[call-arg]


def test_drawn_tree_names_every_error() -> None:
    drawn = errors.__doc__ or ""

    assert all(kind.__name__ in drawn for kind in (SafedoseError, *SafedoseError.__subclasses__()))


def test_nearest_names_the_likely_word() -> None:
    assert nearest("epoch", ["epochs", "template"]) == "did you mean 'epochs'?"


def test_nearest_lists_all_when_none_is_close() -> None:
    assert nearest("zzz", ["b", "a"]) == "known are: a, b"
