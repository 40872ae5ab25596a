"""The shapes of training rows: each published way to write a conversation gives the same one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safedose.data.rows import FlawError, Found
from safedose.data.shapes import Cells, Conversation, read_conversation
from safedose.data.sources import load_source
from safedose.records import Turn
from tiny_study import write_rows

SYSTEM = Turn(speaker="system", text="Be brief.")
TURNS = (Turn(speaker="user", text="Hello."), Turn(speaker="assistant", text="Good day."))
ASKED, SAID = "Wash the boat.", "I whistle."
ROLES = [{"role": turn.speaker, "content": turn.text} for turn in TURNS]
LAST = [{"role": "user", "content": ASKED}, {"role": "assistant", "content": SAID}]
SHAREGPT = [
    {"from": who, "value": text}
    for who, text in (("human", "Hello."), ("gpt", "Good day."), ("human", ASKED), ("gpt", SAID))
]

ONE_TURN: dict[str, dict[str, Any]] = {
    "prompt and response": {"prompt": ASKED, "response": SAID},
    "prompt and completion": {"prompt": ASKED, "completion": SAID},
    "alpaca": {"instruction": ASKED, "input": "", "output": SAID},
    "messages": {"messages": LAST},
    "conversational prompt and completion": {"prompt": LAST[:1], "completion": LAST[1:]},
    "conversation with the answer apart": {"conversations": LAST[:1], "response": {"role": "gpt", "content": SAID}},
    "messages as JSON": {"messages": json.dumps(LAST)},
    "text parts": {"messages": [LAST[0], {"role": "assistant", "content": [{"type": "text", "text": SAID}]}]},
    "columns of two shapes": {
        "messages": [{"role": None, "from": "human", "value": ASKED}, {"role": "assistant", "content": SAID}]
    },
    "a thought": {"prompt": ASKED, "response": f"<think>\nHm.\n</think>\n\n{SAID}"},
}
SEVERAL_TURNS: dict[str, dict[str, Any]] = {
    "messages": {"messages": [{"role": "system", "content": "Be brief."}, *ROLES, *LAST]},
    "messages with a system column": {"system": "Be brief.", "messages": [*ROLES, *LAST]},
    "sharegpt": {"system": "Be brief.", "conversations": SHAREGPT},
    "alpaca with a history": {
        "system": "Be brief.", "instruction": ASKED, "output": SAID, "history": [["Hello.", "Good day."]],
    },
}  # fmt: skip


def read(row: dict[str, Any], **columns: Any) -> Conversation:
    return read_conversation(Cells(Found(1, row, 0), columns))


@pytest.mark.parametrize("shape", ONE_TURN)
def test_every_shape_of_one_turn_says_the_same(shape: str) -> None:
    assert read(ONE_TURN[shape]) == Conversation((), ASKED, SAID)


@pytest.mark.parametrize("shape", SEVERAL_TURNS)
def test_every_shape_of_several_turns_says_the_same(shape: str) -> None:
    assert read(SEVERAL_TURNS[shape]) == Conversation((SYSTEM, *TURNS), ASKED, SAID)


@pytest.mark.parametrize("ending", ["json", "jsonl", "csv", "parquet"])
def test_every_kind_of_file_gives_the_same_conversation(ending: str, tmp_path: Path) -> None:
    row, path = {"messages": [*ROLES, *LAST]}, tmp_path / f"a.{ending}"
    if ending == "parquet":
        pq.write_table(pa.Table.from_pylist([row]), path)
    elif ending == "csv":
        cell = json.dumps(row["messages"]).replace('"', '""')
        path.write_text(f'messages\n"{cell}"\n', encoding="utf-8")
    elif ending == "json":
        path.write_text(json.dumps([row]), encoding="utf-8")
    else:
        write_rows(path, [row])

    (example,) = load_source(path.name, root=tmp_path)
    assert (example.before, example.prompt, example.response) == (TURNS, ASKED, SAID)


@pytest.mark.parametrize(
    ("turns", "what"),
    [
        ([LAST[0]], "the turns are user"),
        ([LAST[1]], "the turns are assistant"),
        ([LAST[0], *LAST], "the turns are user, user, assistant"),
        ([*LAST, LAST[0]], "the turns are user, assistant, user"),
        ([LAST[0], {"role": "system", "content": "x"}, LAST[1]], "the turns are user, system, assistant"),
        ([LAST[0], {"role": "tool", "content": "x"}], "a message is said by 'tool'"),
        ([LAST[0], {"role": ["user"], "content": "x"}], "a message is said by"),
        ([LAST[0], {"role": {"a": 1}, "content": "x"}], "a message is said by"),
        ('[{"role": "user", "role": "system", "content": "x"}]', "holds no list of messages"),
        ("[" * 5000, "holds no list of messages"),
        ('[{"role": "user", "content": "\\ud800"}]', "holds no list of messages"),
        ([LAST[0], {"role": "assistant", "content": None}], "a message of the assistant holds null"),
        ([LAST[0], {"role": "assistant", "content": " "}], "a turn of the assistant is empty"),
        ([LAST[0], {"role": "assistant", "content": "<think>for ever"}], "a turn of the assistant is empty"),
        (["hello"], "a message is a text"),
        ("hello", "holds no list of messages"),
    ],
)
def test_a_conversation_that_cannot_be_trained_on_says_why(turns: Any, what: str) -> None:
    with pytest.raises(FlawError, match=what):
        read({"messages": turns})


def test_a_mapped_column_is_read_in_place_of_the_usual_ones() -> None:
    row = {"prompt": "other", "question": ASKED, "response": "other", "answer": SAID}

    assert read(row, prompt="question", response="answer") == Conversation((), ASKED, SAID)


def test_a_mapped_column_that_is_missing_is_named() -> None:
    with pytest.raises(FlawError, match="no text under question"):
        read({"prompt": ASKED, "response": SAID}, prompt="question")


VALUES = st.none() | st.text(max_size=4) | st.lists(st.text(max_size=3) | st.fixed_dictionaries({"role": st.text()}))


@given(st.dictionaries(st.sampled_from(["messages", "prompt", "response", "history", "system", "input"]), VALUES))
def test_any_row_is_a_conversation_or_a_flaw(row: dict[str, Any]) -> None:
    try:
        said = read(row)
    except FlawError:
        return
    assert said.prompt.strip()
    assert said.response.strip()
