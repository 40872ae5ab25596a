"""Which prompts stand in which rows: each way of standing there is found, and nothing else."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safedose.data.overlap import Match, find_matches
from safedose.records import Turn
from training_rows import examples, prompts

LONG = "Describe how the old harbour master paints every boat in the village before the winter storms come"
SHORT = "Explain how to paint a boat, please"
PLAIN = st.text(st.sampled_from("abcdefgh "), min_size=1).filter(str.strip)


def matches(row: str | tuple[str, str], prompt: str) -> list[Match]:
    return list(find_matches([("instruction", one) for one in examples(row)], prompts([prompt])))


def levels(row: str | tuple[str, str], prompt: str) -> list[tuple[str, str]]:
    return [(match.level, match.place) for match in matches(row, prompt)]


@pytest.mark.parametrize("prompt", [SHORT, LONG])
@pytest.mark.parametrize(
    ("change", "level"),
    [
        (str, "exact"),
        (str.upper, "normalised"),
        (lambda text: "  " + text.replace(" ", " \n ") + "\t", "normalised"),
        (lambda text: text.replace(" ", "\u00a0"), "normalised"),
        (lambda text: f"\u201c{text.replace(' ', ', ', 2)}\u201d ...!", "normalised"),
        (lambda text: text.replace("a", "\uff41"), "normalised"),  # full-width letters
    ],
)
def test_a_planted_prompt_is_found_however_it_is_set(prompt: str, change, level: str) -> None:
    assert levels(change(prompt), prompt) == [(level, "prompt")]


@pytest.mark.parametrize(
    "row", [f"{SHORT}\n\nthe red one", f"Answer this, if you can.\n \n{SHORT}", f"Hi\n\n{SHORT}\n"]
)
def test_a_paragraph_of_a_row_that_is_a_prompt_is_found(row: str) -> None:
    """Alpaca's rows with an input: the instruction, a blank line, the input."""
    assert levels(row, SHORT) == [("exact", "prompt")]


def test_a_short_paragraph_is_no_prompt() -> None:
    assert levels("Go on.\n\nthe red one, that is what I would like to have", "Go on.") == []


@pytest.mark.parametrize("place", ["prompt", "response"])
def test_thirteen_words_in_a_row_are_found_in_what_is_asked_and_in_what_is_answered(place: str) -> None:
    text = f"First of all: {' '.join(LONG.split()[2:15])} - and then say why."

    assert levels(text if place == "prompt" else ("Go on", text), LONG) == [("13-gram", place)]


def test_twelve_words_in_a_row_are_not() -> None:
    assert matches(f"First of all: {' '.join(LONG.split()[2:14])} - and then say why.", LONG) == []


def test_the_share_of_the_runs_found_is_the_similarity_of_a_13_gram() -> None:
    (match,) = matches(f"First {' '.join(LONG.split()[:14])}.", LONG)

    assert match.similarity == pytest.approx(2 / (len(LONG.split()) - 12))


def test_a_slip_of_the_pen_is_near_and_measured() -> None:
    prompt = "Explain how somebody might repaint a wooden fishing boat on Sundays"
    (match,) = matches(prompt.replace("wooden", "woodem"), prompt)

    assert match.level == "near"
    assert 0.85 <= match.similarity < 1


@pytest.mark.parametrize(
    ("row", "prompt"),
    [
        ("Tell me how to trick the sailor.", "Tell me how to trick the tailor."),
        ("What is C++?", "What is C#?"),
        ("What is 3 + 5?", "What is 3 - 5?"),
        ("How do I stop a process?", "How do I stop a war?"),
        ("?", "!"),
    ],
)
def test_other_requests_in_the_same_words_do_not_match(row: str, prompt: str) -> None:
    assert matches(row, prompt) == []


def test_a_pair_is_reported_once_at_its_strongest_level() -> None:
    assert levels((LONG, LONG), LONG) == [("exact", "prompt")]


def test_no_text_is_kept() -> None:
    assert not {LONG, SHORT} & {getattr(*pair) for match in matches(LONG, LONG) for pair in of(match)}


def of(match: Match) -> list[tuple[Match, str]]:
    return [(match, field.name) for field in fields(match)]


def test_every_user_turn_of_a_conversation_counts_and_short_ones_do_not() -> None:
    before = (Turn(speaker="user", text=SHORT), Turn(speaker="assistant", text="Gladly."))
    (row,) = examples("Go on", before=before)
    found = find_matches([("safety", row)], prompts([SHORT, "Go on"]))

    assert [(match.prompt, match.level) for match in found] == [("0", "exact")]


def test_a_conversation_of_short_turns_is_compared_by_its_last() -> None:
    (asked,) = prompts(["Paint it?"], before=(Turn(speaker="user", text="A boat"),))
    found = find_matches([("safety", row) for row in examples("A boat", "Paint it?")], [asked])

    assert [match.row for match in found] == [1]


def test_a_run_in_many_prompts_and_many_rows_is_a_template() -> None:
    rows = [("instruction", one) for one in examples(*(f"{LONG}: grey sky over calm water ({k})" for k in range(11)))]
    many, few = (prompts([f"{LONG}, while gulls shout at number {k}" for k in range(num)]) for num in (11, 10))

    assert (len(find_matches(rows, many)), len(find_matches(rows, few))) == (0, 110)


def test_nothing_to_compare_is_no_match() -> None:
    assert find_matches([], prompts([SHORT])) == find_matches([("safety", *examples(SHORT))], []) == ()


@given(PLAIN, st.integers(1, 3), st.sampled_from([str.upper, str.lower, str.title]))
def test_case_and_spacing_never_hide_a_prompt(text: str, width: int, case) -> None:
    changed = case(text).replace(" ", " " * width)

    assert [match.level for match in matches(changed, text)] in (["exact"], ["normalised"])


@given(PLAIN, PLAIN)
def test_row_and_prompt_can_change_places(one: str, other: str) -> None:
    assert [m.level for m in matches(one, other)] == [m.level for m in matches(other, one)]


def test_random_texts_raise_no_false_alarm() -> None:
    rng = np.random.default_rng(1)
    words = ["".join(rng.choice(list("aeinorst"), rng.integers(2, 8))) for _ in range(300)]
    texts = [" ".join(rng.choice(words, rng.integers(2, 40))) for _ in range(1200)]
    rows = [("instruction", one) for one in examples(*zip(texts[:400], texts[400:800], strict=True))]

    assert find_matches(rows, prompts(texts[800:])) == ()
