"""Reading what a server replied: the answer, what was thought before it, why it ended, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from safedose.records import Finish, Prompt, Response
from safedose.remote.book import Outcome
from safedose.thinking import split_thinking

MOST_TOKENS = 10**8
"""Tokens of one request above which a server's account is no account: ten times the longest context there is."""

Kind = Literal["said", "withheld", "unreadable", "failed"]
"""There is an answer; a content filter kept it back; the server replied, but by no answer; it did not reply."""

_FINISHES: dict[str, Finish] = {"stop": "stop", "eos": "stop", "eos_token": "stop", "length": "length"}
_BARRED = {
    "content_filter": "the server's content filter withheld the answer",
    "tool_calls": "the model called a tool in place of an answer",
    "function_call": "the model called a function in place of an answer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a reply says; `error` tells why there is no text, where the kind is not `said`.

    `declined` means that the server itself calls the text a refusal, by OpenAI's field of that name.
    """

    kind: Kind
    text: str = ""
    thinking: str = ""
    finish: Finish = "failed"
    num_tokens: int | None = None
    error: str = ""
    declined: bool = False

    def as_response(self, *, arm: str, prompt: Prompt, sample: int, batch: int) -> Response:
        """Make it the answer of an arm to a prompt."""
        return Response(
            arm=arm, prompt=prompt, sample=sample, text=self.text, finish=self.finish, num_tokens=self.num_tokens,
            batch=batch, thinking=self.thinking, error=self.error,
        )  # fmt: skip


def read_reply(outcome: Outcome, *, chat: bool, opened: bool = False) -> Answer:
    """Read an outcome of the API of conversations, or of plain completions; whatever is amiss is an `error`.

    Thinking is what the server tells apart, else what stands between thinking marks.

    Args:
        outcome: What became of the request.
        chat: Whether conversations were asked for.
        opened: Whether the template opens the thought, so that a text that the server left whole begins inside it. One
            that came to its end and never closed it is an answer: models tuned without thoughts answer at once.
    """
    if outcome.reply is None:
        return Answer(kind=outcome.lack, error=outcome.problem or "the server gave no reply")
    choice = _first_choice(outcome.reply)
    said = choice.get("message") if chat else choice
    if not isinstance(said, dict) or not choice:
        return Answer(kind="unreadable", error="the reply holds no answer")
    reason = choice.get("finish_reason")
    if not isinstance(reason, str | None):
        return Answer(kind="unreadable", error=f"finish_reason is of type {type(reason).__name__}")
    text = said.get("content" if chat else "text")
    if reason in _BARRED:
        return Answer(kind="withheld" if reason == "content_filter" else "unreadable", error=_BARRED[reason])
    declined = chat and text in (None, "") and bool(said.get("refusal"))
    if declined:
        text = said["refusal"]
    elif text is None and chat and reason == "length":
        text = ""
    if not isinstance(text, str):
        return Answer(kind="unreadable", error="the reply holds no text")
    if reason not in _FINISHES:
        told = f"the answer broke off: finish_reason is {str(reason)[:100]!r}"
        return Answer(kind="unreadable", error=told)
    apart = [said[name] for name in ("reasoning_content", "reasoning") if isinstance(said.get(name), str)]
    thinking = next(filter(None, apart), "")
    if not thinking:
        whole = text
        thinking, text = split_thinking(whole, opened=opened and not apart)  # a server that tells apart has closed it
        if thinking == whole.strip() and _FINISHES[reason] == "stop":
            thinking, text = "", whole
    return Answer(
        kind="said", text=_sound(text).strip(), thinking=_sound(thinking).strip(), finish=_FINISHES[reason],
        num_tokens=_num_tokens(outcome.reply), declined=declined,
    )  # fmt: skip


def likely_places(reply: Mapping[str, Any], *, chat: bool) -> list[list[tuple[str, float]]]:
    """List what was likely in the place of each token of a reply, with log-likelihoods; empty where nobody says.

    What was said stands first in its place, and once.
    """
    found: Any = _first_choice(reply).get("logprobs")
    try:
        if chat:
            places = [
                (
                    one["token"],
                    one["logprob"],
                    [(top["token"], top["logprob"]) for top in one.get("top_logprobs") or ()],
                )
                for one in found["content"]
            ]
        else:
            tops = found.get("top_logprobs") or [None] * len(found["tokens"])
            told = zip(found["tokens"], found["token_logprobs"], tops, strict=True)
            places = [(token, value, sorted((top or {}).items())) for token, value, top in told]
        return [
            [(str(said), float(value)), *((str(token), float(other)) for token, other in tops if token != said)]
            for said, value, tops in places
        ]
    except (TypeError, LookupError, ValueError, AttributeError, OverflowError):
        return []


def likelihoods(reply: Mapping[str, Any], *, chat: bool) -> list[tuple[str, float]]:
    """List the tokens of a reply and the others that were likely, each with its log-likelihood; empty without any."""
    return [pair for place in likely_places(reply, chat=chat) for pair in place]


def differs_by(one: list[tuple[str, float]], other: list[tuple[str, float]]) -> float | None:
    """Say by how much two lists of likelihoods differ at most, in nats; None where they hold other tokens."""
    if [token for token, _ in one] != [token for token, _ in other]:
        return None
    return max((abs(a - b) for (_, a), (_, b) in zip(one, other, strict=True)), default=0.0)


def _first_choice(reply: Mapping[str, Any]) -> dict[str, Any]:
    choices = reply.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else {}


def _num_tokens(reply: Mapping[str, Any]) -> int | None:
    usage = reply.get("usage")
    number = usage.get("completion_tokens") if isinstance(usage, dict) else None
    return number if type(number) is int and 0 < number <= MOST_TOKENS else None


def _sound(text: str) -> str:
    """Replace halves of surrogate pairs, which JSON can say and no file can hold."""
    return text.encode(errors="replace").decode()


def read_usage(reply: Mapping[str, Any], *, most: tuple[int, int]) -> tuple[int, int] | None:
    """Read how many tokens a reply took, prompt and answer; None when it does not say so in earnest.

    Where it tells one of the two, the other counts as the most that was reckoned.
    """
    usage = reply.get("usage")
    names = ("prompt_tokens", "completion_tokens")
    if not isinstance(usage, dict) or not any(name in usage for name in names):
        return None
    found = [usage.get(name, tokens) for name, tokens in zip(names, most, strict=True)]
    if not all(type(one) is int and 0 <= one <= MOST_TOKENS for one in found):
        return None
    return (found[0], found[1]) if sum(found) else None
