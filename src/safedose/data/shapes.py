"""The shapes training rows come in: messages, prompt and completion, Alpaca, ShareGPT; all become one conversation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from safedose.data.rows import Flaw, FlawError, Found, columns_of, kind_of, shown
from safedose.data.strictjson import JsonError, decode
from safedose.kinds import TrainingField
from safedose.records import Speaker, Turn
from safedose.thinking import split_thinking

FIELDS: dict[TrainingField, tuple[str, ...]] = {
    "messages": ("messages", "conversations", "conversation"),
    "prompt": ("prompt", "instruction"),
    "input": ("input",),
    "response": ("response", "completion", "output"),
    "system": ("system",),
    "history": ("history",),
    "item": ("item",),
    "category": ("category",),
    "form": ("form",),
    "licence": ("licence", "license"),
}
"""What a row can say, and the columns it is looked for in, first one first."""

_SPEAKERS: dict[str, Speaker] = {
    "system": "system",
    "user": "user", "human": "user", "prompter": "user",
    "assistant": "assistant", "gpt": "assistant", "model": "assistant", "bot": "assistant", "chatbot": "assistant",
}  # fmt: skip


class Conversation(NamedTuple):
    """What a training row says: what came before, the prompt, and the answer to be learnt."""

    before: tuple[Turn, ...]
    prompt: str
    response: str


class Cells(NamedTuple):
    """The cells of one row by what they mean.

    Attributes:
        row: The row as it was read.
        columns: Columns that the study maps, by field; a mapped field is looked for nowhere else.
    """

    row: Found
    columns: Mapping[TrainingField, str]

    def names(self, field: TrainingField) -> tuple[str, ...]:
        """List the columns in which a field is looked for."""
        return (self.columns[field],) if field in self.columns else FIELDS[field]

    def value(self, field: TrainingField) -> Any:
        """Give the first value of a field that is not null or blank; None where there is none."""
        for name in self.names(field):
            value = self.row.values.get(name)
            if value not in (None, [], {}) and not (isinstance(value, str) and not value.strip()):
                return value
        return None

    def label(self, field: TrainingField) -> str:
        """Give a short value as text, empty where there is none."""
        value = self.value(field)
        if isinstance(value, list | dict):
            raise self.unusable(f"the column {' or '.join(self.names(field))!r} holds {kind_of(value)}, not a text")
        return "" if value is None else str(value)

    def unusable(
        self, what: str, *, cause: str = "the columns have other names or meanings, or the text is empty",
        fix: str = "rename or map the column, or drop the row",
    ) -> FlawError:  # fmt: skip
        """Make the error that says why the row cannot be used."""
        return FlawError(Flaw(what, self.row.offset, cause=cause, fix=fix))


def read_conversation(cells: Cells) -> Conversation:
    """Find out which shape a row has, and read it.

    Shapes, first match wins: a list of messages (`role` and `content`, or ShareGPT's `from` and `value`), alone or as
    a prompt with its completion; a prompt as text (Alpaca's `instruction` with `input` and `history`) with a
    response. A `system` column comes first in either. What an assistant thought (`<think>...</think>`) is left out.

    Raises:
        FlawError: When the row has neither shape, or turns that do not alternate or do not end with an answer.
    """
    messages, prompt = cells.value("messages"), cells.value("prompt")
    if messages is not None and not (prompt is not None and "prompt" in cells.columns):
        turns = _turns(cells, messages, "messages")
        if turns[-1].speaker == "user" and (answer := cells.value("response")) is not None:
            turns += _answer(cells, answer)
    elif isinstance(prompt, list):
        turns = _turns(cells, prompt, "prompt") + _answer(cells, cells.value("response"))
    else:
        extra = cells.label("input")
        text = _text(cells, "prompt", prompt)
        asked = Turn(speaker="user", text=f"{text}\n\n{extra}" if extra else text)
        turns = [*_history(cells), asked, *_answer(cells, cells.value("response"))]
    if system := cells.label("system"):
        turns.insert(0, Turn(speaker="system", text=system))
    return _checked(cells, [_without_thought(turn) for turn in turns])


def read_question(row: Found) -> dict[str, object]:
    """Give the cells of a row of prompts with `prompt` and `before` in place of `messages` and `system`.

    Raises:
        FlawError: When the messages cannot be read, do not alternate, or do not end with a user's.
    """
    cells = Cells(row, {})
    messages, system = cells.value("messages"), cells.label("system")
    if messages is None and not system:
        return row.values
    rest = {name: value for name, value in row.values.items() if name not in (*FIELDS["messages"], "system")}
    turns = [] if messages is None else _turns(cells, messages, "messages")
    if system:
        turns.insert(0, Turn(speaker="system", text=system))
    if messages is None:
        return rest | {"before": tuple(turns)}
    _checked(cells, [*turns, Turn(speaker="assistant", text="-")])  # as if it were answered
    return rest | {"prompt": turns[-1].text, "before": tuple(turns[:-1])}


def _checked(cells: Cells, turns: Sequence[Turn]) -> Conversation:
    told = turns[1:] if turns[0].speaker == "system" else turns
    speakers = [turn.speaker for turn in told]
    if speakers != ["user", "assistant"] * (len(told) // 2) or not told:
        who = ", ".join(turn.speaker for turn in turns[:8])
        what = f"the turns are {who}{' ...' if len(turns) > 8 else ''}"
        cause = "turns were lost or joined, or the request was never answered"
        raise cells.unusable(
            what, cause=cause, fix="begin with a user or system turn, alternate, and end with the assistant's"
        )
    if empty := next((turn for turn in turns if not turn.text.strip()), None):
        raise cells.unusable(f"a turn of the {empty.speaker} is empty")
    return Conversation(tuple(turns[:-2]), turns[-2].text, turns[-1].text)


def _turns(cells: Cells, messages: object, field: TrainingField) -> list[Turn]:
    if isinstance(messages, str):  # a table of texts, such as CSV, holds a list as JSON
        try:
            messages, _ = decode(messages, len(messages) - len(messages.lstrip()))
        except JsonError:
            messages = None
    if not isinstance(messages, list) or not messages:
        raise cells.unusable(f"the column {' or '.join(cells.names(field))!r} holds no list of messages")
    return [_turn(cells, message) for message in messages]


def _turn(cells: Cells, message: object) -> Turn:
    if not isinstance(message, dict):
        raise cells.unusable(f"a message is {kind_of(message)}, not an object with `role` and `content`")
    role, text = (_either(message, *names) for names in (("role", "from"), ("content", "value")))
    if not isinstance(role, str) or role not in _SPEAKERS:
        fix = f"leave rows with other speakers out; known are {', '.join(_SPEAKERS)}"
        raise cells.unusable(f"a message is said by {shown(role)}", fix=fix)
    if isinstance(text, list) and all(isinstance(part, dict) and part.get("type") == "text" for part in text):
        text = "".join(str(part.get("text", "")) for part in text)
    if not isinstance(text, str):
        raise cells.unusable(f"a message of the {role} holds {kind_of(text)}, not a text")
    return Turn(speaker=_SPEAKERS[role], text=text)


def _either(message: Mapping[str, object], *names: str) -> object:
    """Give the first of a few values that is not null: merged tables hold the columns of both shapes."""
    return next((value for name in names if (value := message.get(name)) is not None), None)


def _answer(cells: Cells, answer: object) -> list[Turn]:
    """Read a completion: a text, one message, or a list of messages."""
    if isinstance(answer, dict):
        return [_turn(cells, answer)]
    if isinstance(answer, list):
        return _turns(cells, answer, "response")
    return [Turn(speaker="assistant", text=_text(cells, "response", answer))]


def _history(cells: Cells) -> list[Turn]:
    """Read LLaMA-Factory's `history`: pairs of an earlier request and its answer."""
    pairs = cells.value("history") or []
    if not isinstance(pairs, list) or not all(_is_pair(pair) for pair in pairs):
        raise cells.unusable("the history is not a list of pairs of texts")
    speakers: tuple[Speaker, Speaker] = ("user", "assistant")
    return [Turn(speaker=who, text=text) for pair in pairs for who, text in zip(speakers, pair, strict=True)]


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(text, str) for text in value)


def _text(cells: Cells, field: TrainingField, value: object) -> str:
    if not isinstance(value, str):
        names = " or ".join(cells.names(field))
        fix = (
            "name a column of the file under `columns`"
            if field in cells.columns
            else (f"name the right column in the study file, such as columns: {{{field}: my_column}}, or drop the row")
        )
        raise cells.unusable(f"no text under {names}; the row has: {columns_of(cells.row.values)}", fix=fix)
    return value


def _without_thought(turn: Turn) -> Turn:
    return Turn(speaker="assistant", text=split_thinking(turn.text)[1]) if turn.speaker == "assistant" else turn
