"""What a server means by a status, and by an error in its reply."""

from __future__ import annotations

import json
from typing import Any

_NEVER = frozenset({501, 505})
"""Statuses of a server's own fault that the same request will always meet: what was asked for is not built in."""

_AGAIN = frozenset({408, 409, 425, 429})

MAYBE_PAID = frozenset({408, 504, 520, 524})
"""Statuses that a gateway sends for a server that may have answered after all; from 520 on they are Cloudflare's."""

BUSY = frozenset({429, 503, 529})
"""Statuses by which a server turns away requests in general; 529 is Anthropic's."""

OUT_OF_MONEY = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")
"""Codes with which a provider says by status 429 that waiting will not help."""

_FILTERED = frozenset({
    "content_filter", "ResponsibleAIPolicyViolation",  # Azure OpenAI
    "invalid_prompt", "content_policy_violation",  # OpenAI
    "data_inspection_failed", "DataInspectionFailed",  # Alibaba
})  # fmt: skip
"""Codes with which a provider says that a filter kept a prompt from the model."""


def may_pass(status: int) -> bool:
    """Say whether the same request can succeed after a status."""
    return status in _AGAIN or (500 <= status < 600 and status not in _NEVER)


def error_in(reply: dict[str, Any] | None) -> Any:
    """Find the error in a reply, whatever its status: some servers send it with 200."""
    reply = reply or {}
    return next((reply[name] for name in ("error", "detail") if reply.get(name) and not reply.get("choices")), None)


def is_filter(error: Any) -> bool:
    """Say whether an error tells of a filter before the model: by its code, or by what OpenRouter's filter found."""
    if not isinstance(error, dict):
        return False
    inner, found = error.get("innererror"), error.get("metadata")
    codes = [one.get(name) for one in (error, inner) if isinstance(one, dict) for name in ("code", "type")]
    flagged = isinstance(found, dict) and bool(found.get("reasons") or found.get("flagged_input"))
    return flagged or any(code in _FILTERED for code in codes if isinstance(code, str))


def words(error: Any) -> str:
    """Say an error in words: its message and its code, where it has them."""
    if not isinstance(error, dict):
        return str(error)
    told = [str(error[name]) for name in ("message", "code", "type") if error.get(name)]
    return "; ".join(told) or json.dumps(error)
