"""From a mixture to rows of token ids: what is trained on, what is held out, what the loss sees."""

from __future__ import annotations

from typing import Any, NamedTuple, final

from safedose.errors import RunError
from safedose.records import Example, Mixture
from safedose.study import Tune
from safedose.templates import Encoder

Row = dict[str, list[int]]
"""`input_ids` and `labels` of one example; a label of -100 is not seen by the loss."""


class Rows(NamedTuple):
    """A tokenised mixture: rows to train on, instruction rows held out, and how many training rows were cut."""

    training: list[Row]
    held_out: list[Row]
    num_cut: int


@final
class RowMaker:
    """Tokenises mixtures for one base; every distinct example once, however many arms share it."""

    def __init__(self, tokenizer: Any, settings: Tune) -> None:
        self._settings = settings
        self._encoder = Encoder(tokenizer, settings.template)
        self._known: dict[tuple[object, ...], Row] = {}

    def prompt(self, text: str) -> list[int]:
        """Tokenise a prompt up to where the answer begins."""
        return self._encoder.prompt(text)

    def row(self, example: Example) -> Row:
        """Tokenise an example, cut to `max_length`; the loss sees the assistant's turns only."""
        key = (example.before, example.prompt, example.response)
        if key not in self._known:
            ids, learnt = self._encoder.row(example.prompt, example.response, example.before)
            labels = [token if mine else -100 for token, mine in zip(ids, learnt, strict=True)]  # torch's "ignore"
            longest = self._settings.max_length
            self._known[key] = {"input_ids": ids[:longest], "labels": labels[:longest]}
        return self._known[key]

    def rows(self, mixture: Mixture) -> Rows:
        """Tokenise a mixture; only instruction rows are held out, so that a dose stays whole.

        Raises:
            RunError: When not one answer fits into `max_length`, or there is nothing to choose the best weights by.
        """
        benign = [i for i, row in enumerate(mixture.rows) if row.role == "instruction"]
        chosen = set(benign[: self._settings.validation_rows])
        if self._settings.keep == "best_validation" and not chosen:
            raise RunError(
                f"{mixture.arm} has no instruction rows to validate on", where="tune.keep",
                cause="on the ladder `replace` this dose takes the place of all of them",
                fix="lower the dose, or set tune.keep to `last`",
            )  # fmt: skip
        rows = [self.row(row.example) for row in mixture.rows]
        training = [row for i, row in enumerate(rows) if i not in chosen]
        if all(set(row["labels"]) == {-100} for row in training):
            raise RunError(
                f"no answer of {mixture.arm} fits into {self._settings.max_length} tokens", where="tune.max_length",
                cause="the prompts alone fill it", fix="raise tune.max_length",
            )  # fmt: skip
        end = list(self._encoder.frame.after)
        num_cut = sum(row["input_ids"][-len(end) :] != end for row in training)
        return Rows(training, [rows[i] for i in sorted(chosen)], num_cut)
