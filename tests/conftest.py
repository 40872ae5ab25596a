"""What all tests share: no network, and the way to the real data."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest


def pytest_configure() -> None:
    """Tell the Hugging Face libraries before any test imports them: no Hub, no telemetry."""
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    # how long an example takes says how busy the machine is; the suite has a timeout of its own
    hypothesis.settings.register_profile("safedose", deadline=None)
    hypothesis.settings.load_profile("safedose")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Give the folder of real data, which is not part of the repository."""
    folder = os.environ.get("SAFEDOSE_DATA")
    if not folder:
        pytest.skip("SAFEDOSE_DATA is not set: it names the folder of real data")
    return Path(folder)


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Fail a test that leaves this machine; `pytest.fail` passes through a library's `except Exception`."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _fenced(getattr(socket.socket, name)))
        yield


def _fenced(connect: Any) -> Any:
    def connect_here(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = str(address[0])
            if host not in ("localhost", "::1") and not host.startswith("127."):
                pytest.fail(f"a test tried to reach {host} port {address[1]}: tests work offline")
        return connect(self, address)

    return connect_here


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run `safedose` with some arguments; see `cli_call`."""
    from cli_call import make_call

    return make_call(monkeypatch, capsys)
