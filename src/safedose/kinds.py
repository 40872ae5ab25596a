"""The kinds of values that several settings of a study file share: names, doses, texts, lists without repeats."""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

MANY = 10**9
_WINDOWS = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
_SHARE = re.compile(r"[0-9]{1,3}(\.[0-9]{1,9})?%")
_Listed = TypeVar("_Listed", bound=tuple[Any, ...])


class Part(BaseModel):
    """What all parts of a study file share: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def check_name(name: str) -> str:
    """Give back a name that can be a file or folder name on any system, inside the folder it is put in.

    Raises:
        ValueError: When it cannot.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise ValueError("a name is a letter or digit, then letters, digits, dots, hyphens, underscores, at most 64")
    if name.endswith("."):
        raise ValueError("a name must not end in a dot: some systems drop it")
    if _WINDOWS.fullmatch(name):
        raise ValueError("this name belongs to a device on some systems")
    return name


def is_name(text: str) -> bool:
    """Say whether a text is a name by `check_name`."""
    try:
        return bool(check_name(text))
    except ValueError:
        return False


def _each_once(values: _Listed) -> _Listed:
    if twice := [str(value) for value, count in Counter(values).items() if count > 1]:
        raise ValueError(f"named twice: {', '.join(twice)}")
    return values


def apart_in_any_case(named: _Listed) -> _Listed:
    """Refuse things whose names are one file where upper and lower case are the same."""
    counts = Counter(one.name.lower() for one in named)
    if twice := [one.name for one in named if counts[one.name.lower()] > 1]:
        raise ValueError(f"named twice, whatever the case: {', '.join(twice)}")
    return named


def _is_dose(value: object) -> object:
    whole = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MANY
    if not whole and not (isinstance(value, str) and _SHARE.fullmatch(value)):
        raise ValueError('a dose is a whole number of rows from 0, or a share of all rows such as "3%"')
    return value


def is_zero(dose: Dose) -> bool:
    """Say whether a dose stands for no safety data at all."""
    return not re.search("[1-9]", str(dose))


def _is_text_or_texts(value: object) -> object:
    listed = (value,) if isinstance(value, str) else value
    if not isinstance(listed, tuple) or not all(isinstance(one, str) and one.strip() for one in listed):
        raise ValueError("write a text, or a list of texts, none of them empty")
    if not 1 <= len(_each_once(listed)) <= 100:
        raise ValueError("write a text, or a list of 1 to 100 texts")
    return value


TrainingField = Literal[
    "messages", "prompt", "input", "response", "system", "history", "item", "category", "form", "licence"
]
"""What a training row can say; `data.shapes` knows the columns it is looked for in."""
SuiteField = Literal["prompt", "id", "expected", "category", "form", "reference"]
"""What a row of a suite can say."""
Precision = Literal["auto", "fp32", "bf16", "fp16"]
"""How numbers of a model are kept; `auto` is the best the hardware has: bf16, else fp16, on a CPU fp32."""
EachOnce = AfterValidator(_each_once)
Name = Annotated[str, AfterValidator(check_name)]
Text = Annotated[str, Field(min_length=1, max_length=1000)]
TextOrTexts = Annotated[str | tuple[str, ...], BeforeValidator(_is_text_or_texts)]
Share = Annotated[float, Field(ge=0, le=1)]
Dose = Annotated[int | str, BeforeValidator(_is_dose)]
Doses = Annotated[tuple[Dose, ...], Field(min_length=1, max_length=1000), EachOnce]
DosedStrategy = Literal["direct", "balanced"]
DosedFormat = Literal["instruction", "question", "opinion", "mixed"]
Strategies = Annotated[tuple[DosedStrategy, ...], Field(min_length=1), EachOnce]
Formats = Annotated[tuple[DosedFormat, ...], Field(min_length=1), EachOnce]
