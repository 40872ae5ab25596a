"""Models that are asked for a verdict in words: on this machine, or by a server that speaks the OpenAI API."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, final

from safedose.judging.parsing import quoted
from safedose.records import State, Turn
from safedose.remote.asking import Asker
from safedose.remote.replies import Kind, likely_places, read_reply
from safedose.remote.rounds import Request
from safedose.remote.settings import JudgeServer
from safedose.store import digest

WITHOUT: Mapping[Kind, State] = {"withheld": "abstained", "unreadable": "unusable", "failed": "not_run"}
"""State of a verdict for which nothing was said, by the kind of the answer."""

Likely = tuple[tuple[tuple[str, float], ...], ...]
"""In the place of each token that was said: it first, then others that were likely there, with log-likelihoods."""

FRAME_TOKENS = 256
"""More than a chat template puts around the turns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a model is asked.

    Attributes:
        key: Identifies it: questions of one key are one, and a server answers it once.
        turns: The conversation; the last turn is the one to answer, or to speak about.
        pieces: The prompt where a judge fills in a template of its own, in pieces: the template's and other people's
            text by turns, beginning and ending with the template's. `turns` is empty then.
        values: What the model's chat template is told besides the turns.
        max_tokens: The most tokens the answer may have.
        likely: Whether to say how likely what was said is, and what else could have been said.
        frame_tokens: The most tokens that the model's chat template puts around the turns.
    """

    key: str
    turns: tuple[Turn, ...] = ()
    pieces: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    max_tokens: int
    likely: bool = False
    frame_tokens: int = FRAME_TOKENS


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model said.

    Attributes:
        kind: Whether it said anything, and if not, how that came about.
        text: What it said, without what it thought before; empty unless `said`.
        problem: Why there is no text; empty when `said`.
        whole: Whether the answer came to its end, and was not cut off by `max_tokens`.
        likely: What was likely in the place of each token; empty where nobody asked or nobody says.
    """

    kind: Kind
    text: str = ""
    problem: str = ""
    whole: bool = True
    likely: Likely = ()


class Speaker(Protocol):
    """A model that can be asked.

    Attributes:
        fingerprint: Changes with the model.
        server: The server it is on; None: this machine.
    """

    @property
    def fingerprint(self) -> str: ...
    @property
    def server(self) -> JudgeServer | None: ...

    def ask(self, questions: Sequence[Question]) -> list[Answer]:
        """Answer each question by itself, greedily, in their order."""
        ...

    def connect(self, remote: Asker) -> None:
        """Take the client that asks `server`."""
        ...


def most_tokens(question: Question) -> int:
    """Bound the tokens of a question from above: no token is less than a byte, but for those of a template."""
    texts = [turn.text for turn in question.turns] or ["".join(question.pieces)]
    texts += [json.dumps(dict(question.values))] if question.values else []
    return sum(len(text.encode(errors="replace")) + 16 for text in texts) + question.frame_tokens


@final
class ServerSpeaker:
    """A model behind a server; every question is written down before it is sent, and is answered once."""

    def __init__(self, server: JudgeServer) -> None:
        self.server = server
        self.fingerprint = digest(["server", server.model, server.temperature])
        self._remote: Asker | None = None

    def connect(self, remote: Asker) -> None:
        self._remote = remote

    def ask(self, questions: Sequence[Question]) -> list[Answer]:
        if self._remote is None:
            raise AssertionError("a server is asked by the client it was connected to")
        outcomes = self._remote.ask([self._request(question) for question in questions])
        return [_read(outcome, question) for outcome, question in zip(outcomes, questions, strict=True)]

    def _request(self, question: Question) -> Request:
        server = self.server
        body: dict[str, Any] = {"model": server.model, server.max_tokens_name: question.max_tokens}
        if server.temperature is not None:
            body["temperature"] = server.temperature
        if question.pieces:
            path, body["prompt"] = "completions", "".join(question.pieces)
        else:
            path = "chat/completions"
            body["messages"] = [{"role": turn.speaker, "content": turn.text} for turn in question.turns]
            if question.values:
                body["chat_template_kwargs"] = dict(question.values)
        if question.likely:
            body |= {"logprobs": 5} if question.pieces else {"logprobs": True, "top_logprobs": 5}
        return Request(
            key=digest(["judge", question.key, path, body]), path=path, body=body,
            prompt_tokens=most_tokens(question), completion_tokens=question.max_tokens,
            serves=server.answers_as or "", called=server.called,
        )  # fmt: skip


def _read(outcome: Any, question: Question) -> Answer:
    chat = not question.pieces
    reply = read_reply(outcome, chat=chat)
    if reply.kind != "said":
        return Answer(kind=reply.kind, problem=reply.error)
    if reply.declined:
        return Answer(kind="withheld", problem=f"the judge declines: {quoted(reply.text)}")
    likely = tuple(map(tuple, likely_places(outcome.reply, chat=chat))) if question.likely else ()
    return Answer(kind="said", text=reply.text, whole=reply.finish == "stop", likely=likely)
