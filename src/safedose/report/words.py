"""How the report says things: numbers, spans of time, endpoints and names, in plain words."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence

ENDPOINT_WORDS = {
    "harmful_response_rate": "harmful responses",
    "compliance_rate": "harmful requests answered",
    "exaggerated_refusal_rate": "harmless requests refused",
    "accuracy": "correct answers",
    "refusal_rate": "refused, fully or partly",
    "full_refusal_rate": "fully refused",
    "partial_refusal_rate": "partly refused",
    "harm_score_mean": "mean harm score",
    "win_rate": "answers preferred to those of dose 0 (50%: as good)",
}

LIMIT_WORDS = {
    "harmful": "harm",
    "exaggerated": "exaggerated refusal",
    "capability": "capability",
    "helpfulness": "helpfulness",
}
"""What the limits of criteria are on."""


def shown(text: str) -> str:
    """Make invisible characters visible, so that no name can hide, reorder or break what is shown."""
    return "".join(
        f"\\u{ord(sign):04x}" if unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp") else sign for sign in text
    )


def percent(fraction: float) -> str:
    """Say a fraction as a percentage with one decimal."""
    return f"{fraction:.1%}"


def bound_words(fraction: float) -> str:
    """Say a limit as a percentage, as short as whoever set it would."""
    return f"{100 * fraction:.3g}%"


def probability(fraction: float | None) -> str:
    """Say a probability without claiming certainty: never 0% nor 100%."""
    if fraction is None or not math.isfinite(fraction):
        return "unknown"
    if fraction > 0.99:
        return "more than 99%"
    return "less than 1%" if fraction < 0.01 else f"{fraction:.0%}"


def duration(seconds: float) -> str:
    """Say seconds as people do."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def endpoint_words(endpoint: str) -> str:
    """Say what an endpoint counts; an unknown one keeps its own name."""
    return ENDPOINT_WORDS.get(endpoint) or shown(endpoint.replace("_", " "))


def finite(number: float | None) -> float | None:
    """Treat a number that is none (NaN, infinity) as missing."""
    return number if number is not None and math.isfinite(number) else None


def shared_start(names: Sequence[str]) -> int:
    """Count the characters that all names begin with, up to the last hyphen: on a phone they take too much room."""
    alike = next((i for i, signs in enumerate(zip(*names, strict=False)) if len(set(signs)) > 1), 0)
    return names[0].rfind("-", 0, alike) + 1
