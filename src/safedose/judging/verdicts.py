"""A verdict on a response: what names the response is copied in one place."""

from __future__ import annotations

from safedose.records import Axis, Response, State, Verdict


def verdict_on(
    response: Response, judge: str, axis: Axis, *, state: State, value: str | None, reason: str,
    score: float | None = None,
) -> Verdict:  # fmt: skip
    """Write down what a judge read in a response."""
    prompt = response.prompt
    return Verdict(
        arm=response.arm, suite=prompt.suite, prompt_id=prompt.id, sample=response.sample, expected=prompt.expected,
        category=prompt.category, judge=judge, axis=axis, state=state, value=value, score=score, reason=reason,
    )  # fmt: skip
