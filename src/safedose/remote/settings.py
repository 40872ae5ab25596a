"""What a study file says about a server: where it is, what is asked for, how fast, and what it costs."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from safedose.kinds import MANY, Part, Text

ADAPTER = "{adapter}"
"""Stands for an adapter's own name, which holds the hash of its weights."""

MODEL = "{model}"
"""Stands for what the server calls the base."""

_URL = re.compile(r"https?://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:(?P<port>[0-9]{1,5}))?(/[A-Za-z0-9._~/-]*)?")
_LABEL = re.compile("(?!-)[A-Za-z0-9-]{1,63}(?<!-)")


def _is_url(value: str) -> str:
    found = _URL.fullmatch(value)
    if not found:
        raise ValueError("write an address such as http://localhost:8000/v1: no user, no password, no ? and no #")
    if not _is_host(found["host"]):
        raise ValueError(
            f"no machine can be called {found['host'][:100]!r}: write a name, or an address of IPv4 or IPv6"
        )
    if found["port"] and not 1 <= int(found["port"]) <= 65535:
        raise ValueError(f"a port is a number from 1 to 65535, not {found['port']}")
    return value.rstrip("/")


def _is_host(host: str) -> bool:
    """Say whether a host can be one: an address, or a name of RFC 1123, which does not end in a number."""
    labels = host.removesuffix(".").split(".")
    try:
        if host.startswith("["):
            ipaddress.IPv6Address(host[1:-1])
        elif labels[-1].isdecimal():
            ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return host.startswith("[") or (len(host) <= 253 and all(map(_LABEL.fullmatch, labels)))


def _names_an_environment_variable(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}", value):
        raise ValueError("write the name of an environment variable, never the key itself")
    return value


def _names_the_adapter(value: str) -> str:
    if value.count(ADAPTER) != 1 or re.search("[{}]", value.replace(ADAPTER, "").replace(MODEL, "")):
        raise ValueError(f"write a pattern that holds {ADAPTER} once, and {MODEL} if need be")
    return value


class Server(Part):
    """A server that speaks the OpenAI API: where it is, how fast it is asked, what it costs."""

    url: Annotated[Text, AfterValidator(_is_url)] = Field(description="up to and including the version: .../v1")
    api_key_env: Annotated[Text, AfterValidator(_names_an_environment_variable)] | None = Field(
        None, description="environment variable that holds the key; null: no key"
    )
    max_tokens_name: Literal["max_tokens", "max_completion_tokens"] = Field(
        "max_tokens", description="what the server calls the limit of an answer"
    )
    max_in_flight: int = Field(8, ge=1, le=1024, description="requests the server has at once")
    requests_per_minute: int | None = Field(None, ge=1, le=MANY, description="null: no limit")
    tokens_per_minute: int | None = Field(None, ge=1, le=MANY, description="null: no limit")
    timeout: float = Field(300.0, gt=0, le=86400, description="seconds for one request, from first to last byte")
    max_attempts: int = Field(5, ge=1, le=100, description="times a request is sent when the transport fails")
    price_prompt: float | None = Field(None, ge=0, le=10**6, description="money per million prompt tokens")
    price_completion: float | None = Field(None, ge=0, le=10**6, description="money per million answer tokens")

    @model_validator(mode="after")
    def _priced_as_a_whole(self) -> Server:
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


class Endpoint(Server):
    """A server that answers in place of this machine: which of its models stand for a base and its adapters."""

    model: Text | None = Field(None, description="what the server calls the base; null: as the study does")
    adapter_model: Annotated[Text, AfterValidator(_names_the_adapter)] = Field(
        ADAPTER, description="which model is asked for an adapter"
    )
    load_adapters: bool = Field(False, description="ask the server (vLLM) to load each adapter from its folder")


class JudgeServer(Server):
    """A server that judges."""

    model: Text = Field(description="which of its models reads the answers")
    answers_as: Text | None = Field(
        None, description="what the model's name in its replies must hold; null: it must be `model`"
    )
    temperature: float | None = Field(0.0, ge=0, le=2, description="null: not sent, for models that take none")
    reread: int = Field(64, ge=0, le=1000, description="answers it reads a second time in the end; 0: none")

    @property
    def called(self) -> str:
        """What model a reply must name; empty where `answers_as` says what the name must hold."""
        return "" if self.answers_as else self.model
