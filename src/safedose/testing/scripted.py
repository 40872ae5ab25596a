"""Fakes that do what they are told: a tuner, a generator and a judge without a model."""

from __future__ import annotations

import hashlib
import json
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import final

from safedose.errors import InputError, nearest
from safedose.interfaces import Advance, CheckpointKeeper
from safedose.records import Adapter, Axis, Mixture, Prompt, Response, Verdict

Answers = Mapping[str, str] | Callable[[str], str]
"""What to say: a text per prompt text, or a function from one to the other."""

Readings = Mapping[str, str | None] | Callable[[str], str | None]
"""What to see: a value per response text, or a function; None is `unusable`."""


@final
class ScriptedTuner:
    """Writes an adapter without training: its bytes are a hash of the rows and the seed, hashed again at each step.

    The folder has PEFT's layout (`adapter_config.json`, `adapter_model.safetensors`), so that whatever
    copies, hashes or lists adapters works on it; no model can load it. Checkpoints are written and gone on
    from as a real tuner does.

    Args:
        num_steps: Optimizer steps it claims per adapter; each is reported to `advance`.
        seconds_per_step: How long it takes over a step.
        logit_difference: What the record says about the effect of the adapter.
    """

    def __init__(self, *, num_steps: int = 3, seconds_per_step: float = 0.0, logit_difference: float = 1.0) -> None:
        self._num_steps, self._seconds_per_step = num_steps, seconds_per_step
        self._logit_difference = logit_difference

    def tune(
        self, mixture: Mixture, *, out: Path, seed: int, advance: Advance, checkpoints: CheckpointKeeper
    ) -> Adapter:
        """Write the scripted adapter; see `interfaces.Tuner`."""
        rows = [[row.example.prompt, row.example.response] for row in mixture.rows]
        done, weights = 0, hashlib.sha256(json.dumps([seed, rows]).encode()).digest()
        if found := checkpoints.latest():
            done, folder = found
            weights = (folder / "state.safetensors").read_bytes()[-len(weights) :]
            advance(done, mixture.arm)
        for step in range(done + 1, self._num_steps + 1):
            time.sleep(self._seconds_per_step)
            weights = hashlib.sha256(weights).digest()
            try:
                advance(1, mixture.arm)
            except KeyboardInterrupt:
                _write_checkpoint(checkpoints, step, weights)
                raise
            if step < self._num_steps and checkpoints.due(step):
                _write_checkpoint(checkpoints, step, weights)
        (out / "adapter_config.json").write_text('{"peft_type": "LORA"}\n', encoding="utf-8")
        (out / "adapter_model.safetensors").write_bytes(_safetensors(weights))
        return Adapter(
            arm=mixture.arm, num_rows=len(rows), num_cut=0, num_steps=self._num_steps, micro_batch_size=1,
            kept_step=self._num_steps, train_loss=1.0, validation_loss=None, logit_difference=self._logit_difference,
        )  # fmt: skip


def _write_checkpoint(checkpoints: CheckpointKeeper, step: int, weights: bytes) -> None:
    with checkpoints.write(step) as folder:
        (folder / "state.safetensors").write_bytes(_safetensors(weights))
        (folder / "state.json").write_text(json.dumps({"step": step}), encoding="utf-8")


def _safetensors(values: bytes) -> bytes:
    """Lay bytes out as one tensor named `scripted` (github.com/huggingface/safetensors, section Format)."""
    head = {"scripted": {"dtype": "U8", "shape": [len(values)], "data_offsets": [0, len(values)]}}
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)  # the tensor starts at a multiple of eight
    return struct.pack("<Q", len(text)) + text + values


@final
class ScriptedGenerator:
    """Answers every prompt with what the script says, whatever the adapter.

    Args:
        answers: Answer per prompt text, or a function from prompt text to answer.
        samples: Answers per prompt, all the same.
        seconds: How long it takes over a batch.
        logit_difference: What it says about the effect of every adapter.
    """

    def __init__(
        self, answers: Answers, *, samples: int = 1, seconds: float = 0.0, logit_difference: float = 1.0
    ) -> None:
        self._answers, self._samples, self._seconds = answers, samples, seconds
        self._logit_difference = logit_difference

    def difference(self, adapter: Path) -> float:  # noqa: ARG002 - the seam
        """Say what the script says; see `interfaces.Prober`."""
        return self._logit_difference

    def generate(
        self, prompts: Sequence[Prompt], *, arm: str, adapter: Path | None, batch: int,  # noqa: ARG002 - the seam
    ) -> list[Response]:  # fmt: skip
        """Say what the script says; see `interfaces.Generator`.

        Raises:
            InputError: When the script has no answer to a prompt.
        """
        time.sleep(self._seconds)
        return [
            Response(
                arm=arm,
                prompt=prompt,
                sample=k,
                text=self._answer(prompt.text),
                finish="stop",
                num_tokens=1,
                batch=batch,
            )
            for prompt in prompts
            for k in range(self._samples)
        ]

    def _answer(self, text: str) -> str:
        if callable(self._answers):
            return self._answers(text)
        if text not in self._answers:
            raise InputError(
                f"the script has no answer to {text!r}", where="ScriptedGenerator(answers)",
                cause=f"the prompt is not among its {len(self._answers)} keys: {nearest(text, self._answers)}",
                fix="add the prompt to `answers`, or give a function",
            )  # fmt: skip
        return self._answers[text]


@final
class ScriptedJudge:
    """Reads every response as the script says; what the script does not know is `unusable`.

    Args:
        readings: Value per response text, or a function from response text to value; None, or a text
            that is missing, gives a verdict without a value.
        axis: What it claims to look at; the values must belong to it.
        id: Name on its verdicts.
    """

    def __init__(self, readings: Readings, *, axis: Axis = "harm", id: str = "scripted") -> None:  # noqa: A002
        self._readings = readings
        self.id = id
        self.axes: tuple[Axis, ...] = (axis,)

    @property
    def fingerprint(self) -> str:
        """Hash of the script; of the function's name where the script is a function."""
        known = self._readings
        script = getattr(known, "__qualname__", "function") if callable(known) else sorted(known.items())
        return hashlib.sha256(json.dumps([self.id, self.axes, script]).encode()).hexdigest()

    def judge(self, responses: Sequence[Response]) -> list[Verdict]:
        """Read each response from the script; see `interfaces.Judge`."""
        return [self._read(response) for response in responses]

    def _read(self, response: Response) -> Verdict:
        known = self._readings
        value = known(response.text) if callable(known) else known.get(response.text)
        prompt, missing = response.prompt, value is None
        return Verdict(
            arm=response.arm, suite=prompt.suite, prompt_id=prompt.id, sample=response.sample,
            expected=prompt.expected, category=prompt.category, judge=self.id, axis=self.axes[0],
            state="unusable" if missing else "value", value=value,
            reason="the script does not know this response" if missing else None,
        )  # fmt: skip
