"""Lets this folder's tests use the tiny model, and spends no time on rubbish."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from tiny_model import tiny_base as tiny_base


@pytest.fixture(scope="session", autouse=True)
def little_to_collect() -> Iterator[None]:
    """Every trainer collects rubbish before it begins; without the libraries' own objects that is quick."""
    import trl.trainer.sft_trainer  # noqa: F401

    import safedose.tuning.steps  # noqa: F401

    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
