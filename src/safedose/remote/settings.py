"""What a study file says about a server: where it is, what is asked for, how fast, and what it costs."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from safedose.kinds import MANY, Part, Text

ADAPTER = "{adapter}"
"""Stands for an adapter's own name, which holds the hash of its weights."""

MODEL = "{model}"
"""Stands for what the server calls the base."""

_URL = re.compile(r"https?://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?")


def _is_url(value: str) -> str:
    if not _URL.fullmatch(value):
        raise ValueError("write an address such as http://localhost:8000/v1: no user, no password, no ? and no #")
    return value.rstrip("/")


def _names_an_environment_variable(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}", value):
        raise ValueError("write the name of an environment variable, never the key itself")
    return value


def _names_the_adapter(value: str) -> str:
    if value.count(ADAPTER) != 1 or re.search("[{}]", value.replace(ADAPTER, "").replace(MODEL, "")):
        raise ValueError(f"write a pattern that holds {ADAPTER} once, and {MODEL} if need be")
    return value


class Endpoint(Part):
    """A server that speaks the OpenAI API."""

    url: Annotated[Text, AfterValidator(_is_url)] = Field(description="up to and including the version: .../v1")
    model: Text | None = Field(None, description="what the server calls the base; null: as the study does")
    adapter_model: Annotated[Text, AfterValidator(_names_the_adapter)] = Field(
        ADAPTER, description="which model is asked for an adapter"
    )
    load_adapters: bool = Field(False, description="ask the server (vLLM) to load each adapter from its folder")
    api_key_env: Annotated[Text, AfterValidator(_names_an_environment_variable)] | None = Field(
        None, description="environment variable that holds the key; null: no key"
    )
    max_in_flight: int = Field(8, ge=1, le=1024, description="requests the server has at once")
    requests_per_minute: int | None = Field(None, ge=1, le=MANY, description="null: no limit")
    tokens_per_minute: int | None = Field(None, ge=1, le=MANY, description="null: no limit")
    timeout: float = Field(300.0, gt=0, le=86400, description="seconds for one request, from first to last byte")
    max_attempts: int = Field(5, ge=1, le=100, description="times a request is sent when the transport fails")
    price_prompt: float | None = Field(None, ge=0, le=10**6, description="money per million prompt tokens")
    price_completion: float | None = Field(None, ge=0, le=10**6, description="money per million answer tokens")

    @model_validator(mode="after")
    def _priced_as_a_whole(self) -> Endpoint:
        if (self.price_prompt is None) != (self.price_completion is None):
            raise ValueError("give both prices, or neither")
        return self

    @property
    def host(self) -> str:
        """Where requests go: name and port."""
        return self.url.split("/")[2]

    @property
    def is_here(self) -> bool:
        """Whether the server is on this machine, so that nothing said to it leaves it."""
        found = _URL.fullmatch(self.url)
        host = found["host"] if found else ""
        return host in {"localhost", "[::1]"} or re.fullmatch(r"127(\.[0-9]{1,3}){3}", host) is not None

    @property
    def is_open(self) -> bool:
        """Whether what is said to the server could be read on the way."""
        return self.url.startswith("http://") and not self.is_here

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Say what so many tokens cost, in the money the prices are in; 0 without prices."""
        prompt, completion = self.price_prompt or 0.0, self.price_completion or 0.0
        return (prompt_tokens * prompt + completion_tokens * completion) / 1e6
