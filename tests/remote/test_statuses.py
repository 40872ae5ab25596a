"""What a status and an error mean."""

from __future__ import annotations

from typing import Any

import pytest

from safedose.remote.statuses import is_filter, may_pass


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 507, 520, 522, 524, 529, 599])
def test_a_fault_of_the_moment_may_pass(status: int) -> None:
    assert may_pass(status)


@pytest.mark.parametrize("status", [200, 307, 400, 401, 403, 404, 413, 422, 501, 505, 600])
def test_any_other_status_comes_again(status: int) -> None:
    assert not may_pass(status)


@pytest.mark.parametrize(
    "error",
    [
        *({"code": code} for code in ("content_filter", "invalid_prompt", "content_policy_violation")),
        {"type": "data_inspection_failed"},
        {"code": None, "innererror": {"code": "ResponsibleAIPolicyViolation"}},
        {"code": 403, "metadata": {"reasons": ["violence"]}},
        {"code": 403, "metadata": {"flagged_input": "..."}},
    ],
)
def test_a_filter_is_known_by_its_code_or_by_what_it_found(error: Any) -> None:
    assert is_filter(error)


@pytest.mark.parametrize(
    "error",
    [None, "content_filter", [], {"code": ["content_filter"]}, {"code": 403, "metadata": {"reasons": []}},
     {"code": "invalid_api_key", "metadata": {"provider_name": "x"}}, {"message": "content_filter"}],
)  # fmt: skip
def test_any_other_error_tells_of_no_filter(error: Any) -> None:
    assert not is_filter(error)
