"""What a study file may say about a server: addresses that a machine can have."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from safedose.remote.settings import Endpoint


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8000/v1", "https://api.example/v1", "http://127.0.0.1:1/v1", "http://[::1]:65535/v1",
        "http://xn--bcher-kva.example/v1", "http://gpu.example./v1",
    ],
)  # fmt: skip
def test_an_address_of_a_server_is_taken(url: str) -> None:
    assert Endpoint(url=url).url == url


@pytest.mark.parametrize(
    ("host", "problem"),
    [
        ("localhost:99999", "a port is a number from 1 to 65535, not 99999"), ("localhost:0", "not 0"),
        ("[::::]", "no machine can be called"), ("[1]", "no machine"), ("..", "no machine"), ("a..b", "no machine"),
        ("-", "no machine"), ("a" * 64, "no machine"), (".".join(["a" * 63] * 4), "no machine"),
        ("127.0.0.999", "no machine"), ("user@localhost", "no user"),
    ],
)  # fmt: skip
def test_an_address_that_no_server_can_have_is_refused(host: str, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Endpoint(url=f"http://{host}/v1")
