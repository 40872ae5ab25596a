"""Reading a study file: YAML in, a checked `Study` out, or one message that names every wrong setting."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from safedose.errors import InputError, nearest
from safedose.plainyaml import MAX_DEPTH, read_yaml, read_yaml_file
from safedose.study import Study

_Kind = TypeVar("_Kind", bound=BaseModel)
_MOST_NAMED = 20
_MOST_SHOWN = 80
_KINDS = {
    "bool_type": "must be true or false",
    "int_type": "must be a whole number, in plain digits such as 17",
    "float_type": "must be a number, such as 0.5 or 3e-3",
    "string_type": 'must be a text; in quotes, such as "12", where it would be something else',
    "tuple_type": "must be a list, such as [a, b]",
    "dict_type": "must be a group of settings",
    "model_type": "must be a group of settings",
    "missing": "is missing",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
}
"""What pydantic calls the mistake, in the words of a study file."""


def read_study(path: Path, *, overrides: Sequence[str] = ()) -> Study:
    """Read and check a study file.

    Args:
        path: The YAML file.
        overrides: `a.b=value` settings that win over the file; values are YAML.

    Raises:
        InputError: When the file is missing, is not YAML, or a value is wrong; all wrong values at once.
    """
    if not _is_file(path):
        raise InputError(
            f"there is no study file {path}", where=str(path),
            cause="the path is misspelt, or the study was not made yet",
            fix="make one with `safedose init NAME`, then give the path of its study.yaml",
        )  # fmt: skip
    raw = read_yaml_file(path)
    if not isinstance(raw, dict):
        raise InputError(
            "a study file is a mapping of settings", where=str(path), cause="the file is empty, a list or a text",
            fix="start from the one that `safedose init NAME` writes",
        )  # fmt: skip
    for override in overrides:
        _override(raw, override)
    if open_places := placeholders(raw):
        raise InputError(
            f"{len(open_places)} setting(s) still stand in <angle brackets>: {', '.join(open_places)}", where=str(path),
            cause="the study file is as its recipe wrote it", fix="replace each by your own base, source or file",
        )  # fmt: skip
    given = [override.partition("=")[0][:_MOST_SHOWN] for override in overrides]
    return parse_study(raw, where=f"{path}, with --set {', '.join(given)}" if given else str(path))


def parse_study(raw: dict[str, Any], *, where: str) -> Study:
    """Check the content of a study file that is already read; raises InputError as `read_study` does."""
    return parse_part(Study, raw, where=where)


def parse_part(kind: type[_Kind], raw: Any, *, where: str) -> _Kind:
    """Check settings that are already read against what they must be.

    Raises:
        InputError: Naming every setting that cannot be used.
    """
    try:
        return kind.model_validate(_frozen(raw))
    except ValidationError as error:
        # a list whose entries are wrong counts as too short as well: the entries say it
        wrong = [one for one in error.errors() if not (one["type"] == "too_short" and one["input"])] or error.errors()
    told = list(dict.fromkeys(_explain(one, kind) for one in wrong))
    more = f"; and {len(told) - _MOST_NAMED} more" if len(told) > _MOST_NAMED else ""
    raise InputError(
        f"{len(told)} setting(s) cannot be used: {'; '.join(told[:_MOST_NAMED])}{more}", where=where,
        cause="a misspelt key, a value of the wrong kind, or settings that contradict each other",
        fix="change the settings named above; docs/formats.md lists every key",
    )  # fmt: skip


def placeholders(raw: Any, place: str = "") -> list[str]:
    """List the bases, sources and paths of a study file that are still to be replaced, by their place in it."""
    if isinstance(raw, dict | list):
        entries = raw.items() if isinstance(raw, dict) else enumerate(raw)
        return [found for key, value in entries for found in placeholders(value, f"{place}.{key}".lstrip("."))]
    is_named = place.rpartition(".")[2] in {"base", "source", "path"}
    return [place] if is_named and isinstance(raw, str) and re.fullmatch("<[^<>]+>", raw) else []


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long for the disk
        return False


def _frozen(value: Any) -> Any:
    """Make tuples of lists: the settings hold tuples, and strict models take nothing for them."""
    if isinstance(value, dict):
        return {key: _frozen(one) for key, one in value.items()}
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _override(raw: dict[str, Any], override: str) -> None:
    path, equals, text = override.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys) or len(keys) > MAX_DEPTH:
        raise InputError(
            f"cannot read the setting {override[:_MOST_SHOWN]!r}", where="--set",
            cause="it is not of the form a.b=value", fix="write for example --set tune.epochs=2",
        )  # fmt: skip
    place: Any = raw
    for number, key in enumerate(keys[:-1]):
        if place.get(key) is None:
            place[key] = {}
        place = place[key]
        if not isinstance(place, dict):
            through = ".".join(keys[: number + 1])
            raise InputError(
                f"{path!r} leads through {through!r}, which is not a group of settings", where="--set",
                cause="it is a list, whose entries cannot be set one by one, or a value that holds no others",
                fix=f"set all of it: --set {through}=VALUE",
            )  # fmt: skip
    place[keys[-1]] = read_yaml(text, where=f"--set {path[:_MOST_SHOWN]}")


def _explain(detail: Any, whole: type[BaseModel]) -> str:
    kind, value = detail["type"], detail["input"]
    place = ".".join(str(step) for step in detail["loc"]) or ("the study" if whole is Study else "all of it")
    if place.endswith(".[key]"):
        place = f"{place.removesuffix('.[key]')}, the key"
    if kind == "value_error" and not detail["loc"] and whole is not Study:
        return str(detail["msg"]).removeprefix("Value error, ")  # it names the place itself
    if kind == "extra_forbidden":
        return f"{place}: unknown key; {_meant(detail['loc'], whole)}"
    message = _KINDS.get(kind) or str(detail["msg"]).removeprefix("Value error, ")
    message = re.sub(r"^Input should", "must", message)
    if kind == "too_short" and value:
        message = f"must have {detail['ctx']['min_length']} entries or more"
    if kind in ("too_long", "string_too_long"):
        message = f"must have at most {detail['ctx']['max_length']} {'entries' if kind == 'too_long' else 'characters'}"
    hidden = kind == "missing" or place.endswith("api_key_env")  # a key may stand there by mistake
    return f"{place}: {message}{'' if hidden else _shown(value)}"


def _shown(value: Any) -> str:
    """Show a value that was found, shortened, as a study file would write it; groups are not shown."""
    if isinstance(value, dict | BaseModel):
        return ""
    if value is None or isinstance(value, bool):
        text = json.dumps(value)
    else:
        groups = isinstance(value, tuple) and any(isinstance(one, dict | BaseModel) for one in value)
        text = str(len(value)) if groups else repr(list(value) if isinstance(value, tuple) else value)
    text = re.sub(r"//([^/@\s]*|[^/@\s:]*:[^\s'\"]*)@", "//[hidden]@", text)  # a name and a password in an address
    return f" (found {text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + '...'})"


def _meant(location: Sequence[int | str], whole: type[BaseModel]) -> str:
    """Say which key was probably meant: one beside it, or one of that name elsewhere in the file."""
    key, beside = str(location[-1]), _keys_beside(location, whole)
    elsewhere = {place.rpartition(".")[2]: place for place in _places(whole)}
    close = difflib.get_close_matches(key, beside, n=1)
    far = [key] if key in elsewhere else [] if close else difflib.get_close_matches(key, elsewhere, n=1)
    words = [*close, *(elsewhere[name] for name in far)]
    if not words:
        return nearest(key, beside)
    # a name that is only like one in another place may be meant for one of this place
    known = f" Known here are: {', '.join(beside)}" if far and far != [key] else ""
    return f"did you mean {' or '.join(map(repr, words))}?{known}"


def _places(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """List every key of the study file with the way to it, the deepest first."""
    for name, field in model.model_fields.items():
        inner = _model_in(field.annotation)
        if inner:
            yield from _places(inner, f"{prefix}{name}.")
        yield prefix + name


def _keys_beside(location: Sequence[int | str], whole: type[BaseModel]) -> list[str]:
    model: Any = whole
    for step in location[:-1]:
        if isinstance(step, str) and step in model.model_fields:
            model = _model_in(model.model_fields[step].annotation) or model
    return list(model.model_fields)


def _model_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in getattr(annotation, "__args__", ()) if (found := _model_in(part))), None)
