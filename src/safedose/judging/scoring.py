"""A reward model on this machine: one number for a prompt with its answer."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, final

from safedose.bases import Base, load_classifier, load_tokenizer
from safedose.errors import SafedoseError
from safedose.judging.layouts import PairEncoder
from safedose.judging.pairs import Pair
from safedose.judging.rewardfile import RewardFile
from safedose.store import digest


class Scored(NamedTuple):
    """What a reward model said of a pair.

    Attributes:
        value: The score, perhaps not finite; NaN where there is a problem.
        num_read, num_tokens: Tokens the model was shown, and tokens of the whole pair.
        problem: Why there is no score; empty where there is one.
    """

    value: float
    num_read: int
    num_tokens: int
    problem: str = ""

    @property
    def is_cut(self) -> bool:
        """Whether the end of the answer was not shown."""
        return self.num_read < self.num_tokens


@final
class LocalScorer:
    """A reward model in memory, loaded when it is first asked; one pair at a time, without padding.

    Args:
        find: Gives all of it; called when it is first needed, since weights may have to be fetched.
        file: How it is asked and read.
        precision: In what it is computed; see `bases.load_model`.
        where: Where the model is named, for messages.
    """

    def __init__(self, find: Callable[[], Base], file: RewardFile, precision: str, *, where: str) -> None:
        self._find, self._file, self._precision, self._where = find, file, precision, where
        self._loaded: tuple[PairEncoder, Any] | None = None

    @property
    def fingerprint(self) -> str:
        """Changes with model, file and precision; telling it takes the weights."""
        return digest([self._find().fingerprint, self._file.model_dump(), self._precision])

    def score(self, pair: Pair) -> Scored:
        """Score a pair.

        Raises:
            InputError: When the model cannot be loaded; never for what the pair contains.
        """
        import torch

        encoder, model = self._load()
        try:
            found = encoder.encode(pair)
        except SafedoseError as error:
            return Scored(math.nan, 0, 0, error.what)
        if not found.shows_answer:
            return Scored(math.nan, 0, found.num_tokens, f"the prompt fills all {self._file.max_tokens} tokens")
        row = {name: torch.tensor([ids], device=model.device) for name, ids in found.inputs.items()}
        with torch.inference_mode():
            logits = model(**row).logits[0].float()
        return Scored(self._value(logits, model), found.num_read, found.num_tokens)

    def _value(self, logits: Any, model: Any) -> float:
        """Take the only output as it is; of several the probability of the label."""
        if self._file.label is None:
            return float(logits[0])
        several = model.config.problem_type == "multi_label_classification"
        return float((logits.sigmoid() if several else logits.softmax(-1))[model.config.label2id[self._file.label]])

    def _load(self) -> tuple[PairEncoder, Any]:
        if self._loaded is None:
            base = self._find()
            encoder = PairEncoder(load_tokenizer(base), self._file.layout, self._file.max_tokens)
            self._loaded = encoder, load_classifier(base, self._precision, where=self._where)
        return self._loaded
