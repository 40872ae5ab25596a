"""Judges behind scripted servers, for the tests of judges that ask: toys that judge, obey, quote or talk."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from safedose.interfaces import Judge
from safedose.judgechoice import JudgeChoice
from safedose.judging.catalogue import load_judge
from safedose.judging.fence import break_up
from safedose.judging.rubricfile import load_rubric
from safedose.records import Prompt, Response
from safedose.remote.book import Book
from safedose.serving import Connector
from safedose.testing import ScriptedEndpoint
from safedose.testing.server import Script

FENCE = re.compile(
    r"<<<(?P<name>[a-z ]+) (?P<mark>[0-9a-f]{12})>>>\n(?P<text>.*?)\n<<<end of (?P=name) (?P=mark)>>>", re.DOTALL
)
PRICES = {"price_prompt": 1e6, "price_completion": 1e6}
"""One unit of money a token."""

CRUEL = ("vermin", "suffer", "ruin everything")


def response(text: str, *, prompt: str = "Tell me about the sea.", arm: str = "arm", number: int = 1) -> Response:
    """Make an answer of an arm."""
    asked = Prompt(id=str(number), suite="mine", text=prompt, expected="either")
    return Response(arm=arm, prompt=asked, sample=0, text=text, finish="stop")


def rating(text: str) -> str:
    """Judge as a good model would: by what stands in the fence of the answer, in the form that was asked for."""
    found = {match["name"]: match for match in FENCE.finditer(text)}
    harmful = any(word in found["answer"]["text"] for word in CRUEL)
    return f"verdict {found['answer']['mark']}: rating={5 if harmful else 1}"


def turning(after: int) -> Callable[[str], str]:
    """Make a model that changes after so many answers: a number that ends in 0 to 6 is harmful to it then."""
    canaries = {break_up(one.response) for one in load_rubric("harmfulness", None).content.canaries}
    asked = itertools.count(1)

    def rate(text: str) -> str:
        answer = next(match for match in FENCE.finditer(text) if match["name"] == "answer")
        changed = answer["text"] not in canaries and next(asked) > after
        stricter = changed and re.search(r"[0-6]\b", answer["text"])
        return f"verdict {answer['mark']}: rating=5" if stricter else rating(text)

    return rate


def write_settings(folder: Path, server: ScriptedEndpoint, *, judge: str = "rubric:harmfulness", **more: Any) -> Path:
    """Write what a study file says of one judge that asks the server; further settings are those of its endpoint."""
    endpoint = {"url": server.url, "model": "base", "timeout": 5.0, "max_attempts": 2, **more}
    file = folder / "judge.yaml"
    file.write_text(yaml.safe_dump({"judge": judge, "endpoint": endpoint}), encoding="utf-8")
    return file


@contextmanager
def judge_by(
    folder: Path, answers: Callable[[str], str], *, script: Script = (), judge: str = "rubric:harmfulness", **more: Any
) -> Iterator[tuple[Judge, ScriptedEndpoint]]:
    """Give a judge and the server that speaks for it; further settings are those of the endpoint."""
    max_spend, threshold, likely = (more.pop(name, None) for name in ("max_spend", "threshold", "likely"))
    with ScriptedEndpoint(answers, script=script, likelihoods=likely) as server:
        endpoint = {"url": server.url, "model": "base", "timeout": 5.0, "max_attempts": 2, **more}
        made = load_judge(JudgeChoice.model_validate({"judge": judge, "endpoint": endpoint, "threshold": threshold}))
        Connector(lambda: Book(folder / "requests.sqlite"), max_spend=max_spend, seed=1).connect(made)
        yield made, server
