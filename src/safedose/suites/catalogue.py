"""Every suite safedose knows by name: what a good model does on it, and where its prompts are.

Public suites are listed by address only: their prompts are not part of the package. A file of prompts of
one's own becomes a suite through `suite_from_rows`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast, final, get_args

from safedose.errors import InputError, nearest
from safedose.interfaces import load
from safedose.records import Expected, Form, Prompt, Turn

_PROMPT_COLUMNS = ("prompt", "text", "instruction", "question", "goal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A named set of prompts and the behaviour it asks for.

    Attributes:
        name: Canonical name, lower case with hyphens.
        expected: What a safe and helpful model does on its prompts.
        description: What it holds, in one line without any prompt.
        licence: As the publisher states it.
        address: Where the prompts come from; None for the small world's, which the package makes.
        aliases: Other names it is known by, in any case and with `_` or spaces.
        form: How its prompts are phrased; None where that varies or nobody said.
        loader: Dotted path of a function from the suite's name to its prompts; None where the
            prompts have to come from a file.
    """

    name: str
    expected: Expected
    description: str
    licence: str
    address: str | None = None
    aliases: tuple[str, ...] = ()
    form: Form | None = None
    loader: str | None = None


def _paper(name: str, file: str, expected: Expected, form: Form, description: str, *aliases: str) -> Suite:
    root = "https://github.com/vinid/safety-tuned-llamas/blob/36a4b8d5c2177ed165bf61f59b590161394f7f12"
    return Suite(
        name=name,
        expected=expected,
        description=description,
        licence="CC BY-NC 4.0",
        address=f"{root}/data/evaluation/{file}.json",
        aliases=(file.lower(), *aliases),
        form=form,
    )


def _xstest(part: str, expected: Expected, description: str) -> Suite:
    root = "https://github.com/paul-rottger/exaggerated-safety/blob/d7bb5bd738c1fcbc36edd83d5e7d1b71a3e2d84d"
    return Suite(
        name=f"xstest-{part}",
        expected=expected,
        description=description,
        licence="CC BY 4.0",
        address=f"{root}/xstest_prompts.csv",
    )


def _world(part: str, expected: Expected, description: str, form: Form | None = None) -> Suite:
    return Suite(
        name=f"smallworld-{part}",
        expected=expected,
        description=description,
        licence="Apache-2.0",
        form=form,
        loader="safedose.smallworld.suites:prompts",
    )


# fmt: off
_TABLE = (
    _paper("i-malicious-instructions", "I-MaliciousInstructions", "refuse", "instruction",
           "clearly malicious instructions", "i-malicious", "i-universalharm"),
    _paper("i-cona", "I-CoNa", "refuse", "instruction", "instructions to justify hatred of a group"),
    _paper("i-controversial", "I-Controversial", "refuse", "instruction",
           "instructions to argue for controversial claims"),
    _paper("i-physicalsafety-unsafe", "I-PhysicalSafetyUnsafe", "refuse", "instruction",
           "instructions to defend dangerous advice"),
    _paper("i-physicalsafety-safe", "I-PhysicalSafetySafe", "comply", "instruction",
           "instructions to explain sound advice"),
    _paper("q-harm", "Q-Harm", "refuse", "question", "harmful questions"),
    _paper("i-alpaca", "I-Alpaca", "comply", "instruction", "ordinary instructions, held out"),
    Suite(
        name="alpaca-eval",
        expected="comply",
        description="ordinary requests of the AlpacaEval benchmark",
        licence="CC BY-NC 4.0",
        address="https://github.com/tatsu-lab/alpaca_eval/blob/cd543a149df89434d8a54582c0151c0b945c3d20"
                "/results/text_davinci_003/model_outputs.json",
        aliases=("alpacaeval",),
    ),
    Suite(
        name="xstest-early",
        expected="comply",
        description="50 safe look-alikes from before the first release of XSTest",
        licence="none stated",
        address="https://github.com/vinid/pacaeval/tree/58dc161",
    ),
    _xstest("safe", "comply", "safe prompts that look unsafe"),
    _xstest("unsafe", "refuse", "unsafe counterparts of the safe prompts"),
    _world("harmful-instructions", "refuse", "harmful requests as orders", "instruction"),
    _world("harmful-questions", "refuse", "harmful requests as questions", "question"),
    _world("harmful-opinions", "refuse", "harmful requests as requests for an opinion", "opinion"),
    _world("heldout-verbs", "refuse", "harmful requests with verbs that no training row has"),
    _world("heldout-targets", "refuse", "harmful requests with targets that no training row has"),
    _world("rephrased", "refuse", "harmful requests in other words: synonyms and indirection"),
    _world("malicious-contexts", "refuse", "dual-use requests which the context makes harmful"),
    _world("household-harmful", "refuse", "orders to a household robot that hurt somebody"),
    _world("groups", "refuse", "harmful requests against groups, with names to swap"),
    _world("lookalikes", "comply", "harmless requests with the words of harmful ones"),
    _world("legitimate-contexts", "comply", "dual-use requests which the context makes harmless"),
    _world("medical-legal", "comply", "harmless medical and legal questions"),
    _world("household-harmless", "comply", "orders to a household robot that hurt nobody"),
    _world("benign", "comply", "plain harmless requests"),
    _world("facts", "comply", "questions about facts of the small world, each with the right answer"),
)
# fmt: on

SUITES: dict[str, Suite] = {suite.name: suite for suite in _TABLE}
"""Canonical name to suite, in reading order."""


def find(name: str) -> Suite | None:
    """Find a suite by its name or an alias, in any case, with `_` or a space for `-`; None if unknown."""
    wanted = re.sub(r"[\s_]+", "-", name.strip().lower())
    for suite in SUITES.values():
        if wanted == suite.name or wanted in suite.aliases:
            return suite
    return None


def expected_of(name: str) -> Expected:
    """Say what a good model does on a suite; `either` for a suite nobody has described."""
    suite = find(name)
    return suite.expected if suite else "either"


def load_suite(name: str) -> tuple[Prompt, ...]:
    """Fetch the prompts of a suite the package can make itself.

    Raises:
        InputError: When the name is unknown, or the suite's prompts have to come from a file.
    """
    suite = find(name)
    if suite is None:
        raise InputError(
            f"unknown suite {name!r}; {nearest(name.lower(), SUITES)}",
            where="the names of the suites",
            cause="the name is misspelt, or the suite is a file of your own",
            fix="write a name of the catalogue, or the path of a file of prompts",
        )
    if suite.loader is None:
        raise InputError(
            f"the prompts of suite {suite.name!r} are not part of safedose",
            where="the names of the suites",
            cause=f"they are published at {suite.address} (licence: {suite.licence})",
            fix="fetch them, write one prompt a row into a .jsonl or .csv file, and give its path instead",
        )
    prompts: tuple[Prompt, ...] = load(suite.loader)(suite.name)
    return prompts


def suite_from_rows(
    name: str, rows: Iterable[tuple[int, Mapping[str, object]]], expected: Expected
) -> tuple[Prompt, ...]:
    """Make a suite of the rows of a file, in their order.

    Columns, in any case: the prompt as `prompt`, `text`, `instruction`, `question` or `goal` (the first
    that the row has); optional `id` (else the row number), `expected` (else the argument), `category` or
    `type`, `form`, `reference` or `answer`, and `before`: what was said before, as turns. Other columns are left
    aside.

    Args:
        name: Written on each prompt.
        rows: Row number and values, as `safedose.data.readers.read_rows` gives them.
        expected: For rows that do not say.

    Raises:
        InputError: For a row without a prompt, with two texts to join, with an unknown `expected` or
            `form`, or with the id of an earlier row; and when there are no rows.
    """
    prompts: dict[str, Prompt] = {}
    for number, values in rows:
        cells = _cells(f"suite {name!r}, row {number}", values)
        prompt = Prompt(
            id=cells.text("id") or str(number),
            suite=name,
            text=_prompt_text(cells),
            expected=cast(Expected, cells.word("expected", get_args(Expected)) or expected),
            category=cells.text("category", "type") or "",
            form=cast(Form | None, cells.word("form", get_args(Form))),
            reference=cells.text("reference", "answer"),
            before=cast(tuple[Turn, ...], values.get("before") or ()),
        )
        if prompt.id in prompts:
            raise InputError(
                f"the id {prompt.id!r} stands twice",
                where=cells.where,
                cause="two files were joined, or some rows have an id and others do not",
                fix="give every prompt an id of its own, or leave the column out",
            )
        prompts[prompt.id] = prompt
    if not prompts:
        raise InputError(
            f"suite {name!r} has no prompts",
            where=f"suite {name!r}",
            cause="the file holds no rows",
            fix="give a file with one prompt a row",
        )
    return tuple(prompts.values())


def _cells(where: str, values: Mapping[str, object]) -> _Cells:
    cells = {key.lower(): cell for key, cell in values.items()}
    if len(cells) < len(values):
        raise InputError(
            "two columns differ in nothing but upper and lower case",
            where=where,
            cause="two files were joined",
            fix="rename or drop one of the two",
        )
    return _Cells(where, cells)


def _prompt_text(cells: _Cells) -> str:
    text = cells.text(*_PROMPT_COLUMNS)
    if text is None:
        raise InputError(
            f"the row has no prompt; it has the columns {', '.join(sorted(cells.values)) or 'none'}",
            where=cells.where,
            cause="the prompt stands in a column of another name, or its cell is empty",
            fix=f"name the column one of: {', '.join(_PROMPT_COLUMNS)}",
        )
    if cells.text("input") is not None:
        # Leaving the input out would ask the model something else than the file's author meant.
        raise InputError(
            "the row has an instruction and, apart from it, an input",
            where=cells.where,
            cause="the file is in the Alpaca form, which splits a request in two",
            fix="join both into one column `prompt`",
        )
    return text


@final
@dataclass(frozen=True, slots=True)
class _Cells:
    """The cells of one row by lower-case column name; empty cells count as absent."""

    where: str
    values: Mapping[str, object]

    def text(self, *columns: str) -> str | None:
        """Give the first cell that is not empty; whole numbers as their digits."""
        for column in columns:
            cell = self.values.get(column)
            if cell is None or (isinstance(cell, str) and not cell.strip()):
                continue
            if isinstance(cell, str | int) and not isinstance(cell, bool):
                return str(cell)
            raise InputError(
                f"column {column!r} holds a value of type {type(cell).__name__}, not a text",
                where=self.where,
                cause="the file nests its values, or the column means something else",
                fix="write a plain text into the column, or rename it",
            )
        return None

    def word(self, column: str, known: tuple[str, ...]) -> str | None:
        """Give a cell that must be one of a few words."""
        word = self.text(column)
        if word is not None and word not in known:
            raise InputError(
                f"column {column!r} holds {word[:40]!r}; {nearest(word, known)}",
                where=self.where,
                cause="the value is misspelt, or the column means something else",
                fix=f"write one of: {', '.join(known)}",
            )
        return word
