"""Reading a study file: YAML in, a checked `Study` out, or one message that names every wrong setting."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from safedose.errors import InputError, nearest
from safedose.study import Study


class _StrictLoader(yaml.SafeLoader):
    """YAML without surprises: plain values only, and a key that is given twice is an error."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} is given twice", node.start_mark)
        return super().construct_mapping(node, deep=deep)


def read_study(path: Path, *, overrides: Sequence[str] = ()) -> Study:
    """Read and check a study file.

    Args:
        path: The YAML file.
        overrides: `a.b=value` settings that win over the file; values are YAML.

    Raises:
        InputError: When the file is missing, is not YAML, or a value is wrong; all wrong values at once.
    """
    if not path.is_file():
        raise InputError(
            f"there is no study file {path}", where=str(path),
            cause="the path is misspelt, or the study was not made yet",
            fix="make one with `safedose init NAME`, then give the path of its study.yaml",
        )  # fmt: skip
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), _StrictLoader)  # noqa: S506 - a safe loader
    except UnicodeDecodeError as error:
        raise InputError(
            f"not a UTF-8 text: {error}", where=str(path), cause="it was saved in another encoding, or is no text",
            fix="save it as UTF-8",
        ) from error  # fmt: skip
    except yaml.YAMLError as error:
        raise InputError(
            f"not readable as YAML: {' '.join(str(error).split())}", where=str(path),
            cause="a syntax slip such as a missing colon, a tab or an unclosed quote",
            fix="mend the line named above",
        ) from error  # fmt: skip
    if not isinstance(raw, dict):
        raise InputError(
            "a study file is a mapping of settings", where=str(path), cause="the file is empty or a list",
            fix="start from the one that `safedose init NAME` writes",
        )  # fmt: skip
    for override in overrides:
        _override(raw, override)
    return parse_study(raw, where=str(path))


def parse_study(raw: dict[str, Any], *, where: str) -> Study:
    """Check the content of a study file that is already read; raises InputError as `read_study` does."""
    try:
        return Study.model_validate(raw)
    except ValidationError as error:
        # a list whose entries are wrong counts as too short as well: the entries say it
        wrong = [one for one in error.errors() if not (one["type"] == "too_short" and one["input"])]
        by_place = {_place(detail): _explain(detail) for detail in reversed(wrong)}
        lines = list(reversed(by_place.values()))  # a value that fits no member of a union is one mistake
        raise InputError(
            f"{len(lines)} setting(s) cannot be used: " + "; ".join(lines), where=where,
            cause="a misspelt key, a value of the wrong kind, or settings that contradict each other",
            fix="change the settings named above; docs/formats.md lists every key",
        ) from error  # fmt: skip


def _override(raw: dict[str, Any], override: str) -> None:
    path, equals, text = override.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise InputError(
            f"cannot read the setting {override!r}", where="--set", cause="it is not of the form a.b=value",
            fix="write for example --set tune.epochs=2",
        )  # fmt: skip
    place: Any = raw
    for key in keys[:-1]:
        place = place.setdefault(key, {})
        if not isinstance(place, dict):
            raise InputError(
                f"{path!r} leads through {key!r}, which is not a group of settings", where="--set",
                cause="the path is too long, or goes into a list", fix="set the whole list or value instead",
            )  # fmt: skip
    try:
        place[keys[-1]] = yaml.load(text, _StrictLoader)  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        raise InputError(
            f"cannot read the value of {override!r}", where="--set", cause=" ".join(str(error).split()),
            fix="quote the value as YAML does",
        ) from error  # fmt: skip


def _place(detail: Any) -> str:
    return ".".join(str(step) for step in detail["loc"] if not _is_variant(str(step))) or "the study"


def _explain(detail: Any) -> str:
    place = _place(detail)
    if detail["type"] == "extra_forbidden":
        return f"{place}: unknown key; {nearest(str(detail['loc'][-1]), _keys_beside(detail['loc']))}"
    message = str(detail["msg"]).removeprefix("Value error, ")
    shown = "" if isinstance(detail["input"], dict | BaseModel) else f" (found {detail['input']!r})"
    return f"{place}: {message}{shown}"


def _is_variant(step: str) -> bool:
    """Pydantic names the tried member of a union in the location; readers of a study file do not want it."""
    return bool(re.match(r"(constrained-|function-|tuple\[|str$|int$)", step))


def _keys_beside(location: Sequence[int | str]) -> list[str]:
    model: Any = Study
    for step in location[:-1]:
        if isinstance(step, int) or step not in getattr(model, "model_fields", {}):
            continue
        model = _model_in(model.model_fields[step].annotation) or model
    return list(model.model_fields)


def _model_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in getattr(annotation, "__args__", ()) if (found := _model_in(part))), None)
