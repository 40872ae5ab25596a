"""How a prompt is put to a model: the tokenizer's chat template or a named text template.

Content is encoded apart from the frame, with control tokens split into plain text, so nothing a data
set or a user says can end a turn, open one or stop generation. Tuning and generation both come here: a
model is asked in exactly the form it was trained in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from safedose.errors import InputError, nearest

TEXT_TEMPLATES: dict[str, str] = {
    # github.com/tatsu-lab/stanford_alpaca, the form without an input field; used by arXiv 2309.07875
    "alpaca": (
        "Below is an instruction that describes a task. "
        "Write a response that appropriately completes the request.\n\n"
        "### Instruction:\n{}\n\n### Response:\n"
    ),
    "plain": "{}\n",
}
_MARKERS = ("### Instruction:", "### Response:", "### Input:")
_PROMPT, _ANSWER = "\u2983prompt\u2984", "\u2983answer\u2984"  # bracket signs no template uses


@dataclass(frozen=True, slots=True)
class Frame:
    """The fixed tokens around a prompt and its answer.

    Attributes:
        before: Token ids in front of the prompt.
        between: Token ids from the end of the prompt to the start of the answer.
        after: Token ids that end the answer; the model learns to produce the first of them.
        stop: Token ids at which generation stops.
        markers: Strings that structure a text template; broken up where content contains them.
    """

    before: tuple[int, ...]
    between: tuple[int, ...]
    after: tuple[int, ...]
    stop: tuple[int, ...]
    markers: tuple[str, ...]


def make_frame(tokenizer: Any, template: str) -> Frame:
    """Prepare a template for a tokenizer.

    Args:
        tokenizer: A fast Hugging Face tokenizer.
        template: `chat` for the tokenizer's own template, else a key of `TEXT_TEMPLATES`.

    Raises:
        InputError: When the template is unknown, or the tokenizer has no chat template or end token.
    """
    if tokenizer.eos_token_id is None:
        raise InputError(
            "the tokenizer has no end token", where="base", cause="its configuration sets no eos_token",
            fix="use a base whose tokenizer names its eos_token",
        )  # fmt: skip
    if template == "chat":
        return _chat_frame(tokenizer)
    if template not in TEXT_TEMPLATES:
        raise InputError(
            f"unknown template {template!r}", where="tune.template", cause="the name is misspelt",
            fix=nearest(template, ["chat", *TEXT_TEMPLATES]),
        )  # fmt: skip
    before, between = TEXT_TEMPLATES[template].split("{}")
    start = [tokenizer.bos_token_id] if tokenizer.bos_token_id is not None else []
    end = (tokenizer.eos_token_id,)
    return Frame(
        before=(*start, *_plain(tokenizer, before)),
        between=tuple(_plain(tokenizer, between)),
        after=end,
        stop=end,
        markers=_MARKERS if template == "alpaca" else (),
    )


def _chat_frame(tokenizer: Any) -> Frame:
    if not tokenizer.chat_template:
        raise InputError(
            "the tokenizer has no chat template", where="tune.template: chat",
            cause="the base was never made for conversations",
            fix=f"set tune.template to one of: {', '.join(sorted(TEXT_TEMPLATES))}",
        )  # fmt: skip
    turn = [{"role": "user", "content": _PROMPT}]
    try:
        asked = tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
        told = tokenizer.apply_chat_template([*turn, {"role": "assistant", "content": _ANSWER}], tokenize=False)
    except Exception as error:  # a chat template is a program of somebody else's
        raise InputError(
            "the chat template fails", where="tune.template: chat",
            cause=f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}",
            fix=f"mend it, or set tune.template to one of: {', '.join(sorted(TEXT_TEMPLATES))}",
        ) from error  # fmt: skip
    if asked.count(_PROMPT) != 1 or told.count(_ANSWER) != 1:
        raise InputError(
            "the chat template does not say the prompt exactly once", where="tune.template: chat",
            cause="the template of this base is made for something else",
            fix=f"set tune.template to one of: {', '.join(sorted(TEXT_TEMPLATES))}",
        )  # fmt: skip
    before, between = asked.split(_PROMPT)
    after = told.split(_ANSWER)[1].rstrip()
    after_ids = tuple(tokenizer(after, add_special_tokens=False)["input_ids"]) or (tokenizer.eos_token_id,)
    # some templates put a space in front of the token that ends a turn: only control tokens stop an answer
    ends = [token for token in after_ids if token in _control_ids(tokenizer)]
    return Frame(
        before=tuple(tokenizer(before, add_special_tokens=False)["input_ids"]),
        between=tuple(tokenizer(between, add_special_tokens=False)["input_ids"]),
        after=after_ids,
        stop=tuple(sorted({*ends[:1], tokenizer.eos_token_id})),
        markers=(),
    )


def encode_prompt(tokenizer: Any, frame: Frame, prompt: str) -> list[int]:
    """Encode a prompt up to the point where the answer begins."""
    return [*frame.before, *encode_content(tokenizer, frame, prompt), *frame.between]


def encode_answer(tokenizer: Any, frame: Frame, answer: str) -> list[int]:
    """Encode an answer and the tokens that end it."""
    return [*encode_content(tokenizer, frame, answer), *frame.after]


def encode_content(tokenizer: Any, frame: Frame, text: str) -> list[int]:
    """Encode text that people or models wrote; never yields a control token.

    Structural strings of a text template are broken up ("### Response:" becomes "# ## Response:").

    Raises:
        InputError: When the tokenizer turns plain text into a control token all the same.
    """
    for marker in frame.markers:
        text = text.replace(marker, marker.replace("###", "# ##", 1))
    ids = _plain(tokenizer, text)
    if forbidden := set(ids) & _control_ids(tokenizer):
        raise InputError(
            f"content would become control tokens {sorted(forbidden)}", where=repr(text[:60]),
            cause="this tokenizer does not split control tokens out of plain text",
            fix="use a fast tokenizer (tokenizer.json) for this base",
        )  # fmt: skip
    return ids


def _control_ids(tokenizer: Any) -> set[int]:
    """Collect the ids no text may become: special tokens, and those that were added to the vocabulary."""
    return {*tokenizer.all_special_ids, *tokenizer.get_added_vocab().values()}


def _plain(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"])
