"""The suite catalogue: names, aliases, expected behaviour, and suites from files."""

from __future__ import annotations

from typing import get_args

import pytest

from safedose.errors import InputError
from safedose.records import Expected, Form
from safedose.suites.catalogue import SUITES, expected_of, find, load_suite, suite_from_rows


@pytest.mark.parametrize("name", SUITES)
def test_every_suite_says_where_its_prompts_come_from(name: str) -> None:
    suite = SUITES[name]

    assert suite.name == name
    assert suite.description
    assert suite.licence
    assert (suite.address is None) != (suite.loader is None)


def test_names_and_aliases_are_distinct() -> None:
    others = [alias for suite in SUITES.values() for alias in suite.aliases if alias != suite.name]

    assert len(set(others)) == len(others)
    assert not set(others) & set(SUITES)


@pytest.mark.parametrize("name", SUITES)
def test_names_and_aliases_are_written_as_they_are_looked_up(name: str) -> None:
    assert all(find(word) is SUITES[name] for word in (name, *SUITES[name].aliases))


@pytest.mark.parametrize(
    "name", ["I-MaliciousInstructions", "i-malicious", "I_UniversalHarm", " i malicious instructions "]
)
def test_case_underscores_and_spaces_do_not_matter(name: str) -> None:
    assert find(name) is SUITES["i-malicious-instructions"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("I-CoNa", "refuse"),
        ("xstest-early", "comply"),
        ("XSTest_safe", "comply"),
        ("xstest-unsafe", "refuse"),
    ],
)
def test_expected_behaviour_comes_from_the_catalogue(name: str, expected: str) -> None:
    assert expected_of(name) == expected


def test_nobody_expects_anything_of_an_unknown_suite() -> None:
    assert expected_of("nonsense-questions") == "either"


def test_an_unknown_suite_names_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'smallworld-lookalikes'"):
        load_suite("smallworld-lookalike")


def test_a_suite_with_only_an_address_asks_for_a_file() -> None:
    with pytest.raises(InputError, match="vinid/safety-tuned-llamas") as caught:
        load_suite("i-cona")

    assert "one prompt a row" in caught.value.fix


def test_rows_become_prompts_in_order() -> None:
    rows = [
        (1, {"prompt": "one", "id": 7, "expected": "refuse", "type": "fire", "form": "question"}),
        (2, {"prompt": "two", "id": "", "expected": None, "answer": 3}),
    ]

    first, second = suite_from_rows("mine", rows, "comply")

    assert (first.id, first.suite, first.text, first.expected) == ("7", "mine", "one", "refuse")
    assert (first.category, first.form, first.reference) == ("fire", "question", None)
    assert (second.id, second.text, second.expected, second.reference) == ("2", "two", "comply", "3")
    assert (second.category, second.form) == ("", None)


@pytest.mark.parametrize("column", ["prompt", "text", "instruction", "question", "goal", "Goal"])
def test_the_prompt_may_stand_in_a_column_of_another_name(column: str) -> None:
    assert suite_from_rows("mine", [(1, {column: "one"})], "either")[0].text == "one"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"words": "one"}, r"no prompt; it has the columns words\n.*row 5"),
        ({"prompt": "  "}, "no prompt"),
        ({"prompt": ["one"]}, "column 'prompt' holds a value of type list"),
        ({"prompt": True}, "column 'prompt' holds a value of type bool"),
        ({"prompt": "one", "expected": "refused"}, "holds 'refused'; did you mean 'refuse'"),
        ({"prompt": "one", "form": "order"}, "known are: instruction, opinion, question"),
        ({"instruction": "one", "input": "two"}, "apart from it, an input"),
        ({"prompt": "one", "id": "a"}, r"the id 'a' stands twice\n.*row 5"),
    ],
)
def test_a_row_that_is_no_prompt_is_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        suite_from_rows("mine", [(4, {"prompt": "zero", "id": "a"}), (5, values)], "comply")


def test_a_suite_without_prompts_is_an_error() -> None:
    with pytest.raises(InputError, match="'mine' has no prompts"):
        suite_from_rows("mine", [], "comply")


def test_the_table_uses_the_words_of_the_records() -> None:
    assert {suite.expected for suite in SUITES.values()} <= set(get_args(Expected))
    assert {suite.form for suite in SUITES.values()} <= {None, *get_args(Form)}
