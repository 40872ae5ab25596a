"""The generator contract, over the scripted and the real generators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from safedose.bases import Base
from safedose.checkpoints import Checkpoints
from safedose.errors import InputError
from safedose.records import Prompt, Response
from safedose.study import Generate, Tune
from safedose.testing import ScriptedEndpoint, ScriptedGenerator, check_generator, questions
from tiny_model import make_mixture, quiet


def test_scripted_generator_keeps_the_contract() -> None:
    check_generator(ScriptedGenerator(str.upper, samples=2))


@pytest.mark.parametrize("settings", [{}, {"samples": 2, "temperature": 1.0, "top_p": 0.9}, {"num_beams": 2}])
def test_local_generator_keeps_the_contract(settings: dict[str, float], tiny_base: Base, tmp_path: Path) -> None:
    from safedose.generation.local import LocalGenerator
    from safedose.tuning.sft import SftTuner

    tune = Tune(epochs=1, batch_size=4, learning_rate=0.05, warmup_steps=0, lora_rank=2)
    SftTuner(tiny_base, tune).tune(
        make_mixture(),
        out=tmp_path,
        seed=0,
        advance=quiet,
        checkpoints=Checkpoints(tmp_path / "checkpoints", key="key"),
    )
    generate = Generate.model_validate({"max_new_tokens": 6, "batch_tokens": 100, **settings})
    check_generator(LocalGenerator(tiny_base, generate, template="chat", seed=0), adapter=tmp_path)


@pytest.mark.parametrize("script", [lambda _: "answer", lambda body: "filter" if "Why?" in str(body) else "answer"])
@pytest.mark.parametrize("template", ["chat", "alpaca"])
def test_endpoint_generator_keeps_the_contract(script: Any, template: str, tiny_base: Base, tmp_path: Path) -> None:
    from safedose.generation.endpoint import EndpointGenerator, adapter_name
    from safedose.remote.book import Book
    from safedose.remote.client import Remote

    (tmp_path / "adapter_config.json").write_text("{}")
    (tmp_path / "adapter_model.safetensors").write_bytes(b"weights")
    with ScriptedEndpoint(script=script, models=["tiny", adapter_name(tmp_path)]) as server:
        settings = Generate.model_validate(
            {"samples": 2, "temperature": 1.0, "endpoint": {"url": server.url, "max_attempts": 1}}
        )
        remote = Remote(settings.endpoint, book=Book(tmp_path / "book"), max_spend=None, seed=0)
        generator = EndpointGenerator(
            tiny_base, settings, template=template, seed=0, remote=remote, adapters={}, record=lambda *_: None
        )
        check_generator(generator, adapter=tmp_path)


def test_scripted_generator_answers_from_a_table() -> None:
    prompt = Prompt(id="1", suite="mine", text="Hello?", expected="comply")

    said = ScriptedGenerator({"Hello?": "Good day."}).generate([prompt], arm="a", adapter=None, batch=0)

    assert [response.text for response in said] == ["Good day."]


def test_scripted_generator_names_the_prompt_it_has_no_answer_to() -> None:
    prompt = Prompt(id="1", suite="mine", text="Helo?", expected="comply")

    with pytest.raises(InputError, match=r"no answer to 'Helo\?'(.|\n)*did you mean 'Hello\?'"):
        ScriptedGenerator({"Hello?": "Good day."}).generate([prompt], arm="a", adapter=None, batch=0)


class Broken:
    """A scripted generator with one habit that breaks the contract."""

    def __init__(self, habit: str) -> None:
        self._habit = habit
        self._calls = 0

    def generate(self, prompts: Sequence[Prompt], *, arm: str, adapter: Path | None, batch: int) -> list[Response]:
        self._calls += 1
        said = ScriptedGenerator(str.upper).generate(prompts, arm=arm, adapter=adapter, batch=batch)
        if self._habit == "sorts":
            return sorted(said, key=lambda response: response.prompt.text)
        if self._habit == "drops a prompt":
            return said[1:]
        if self._habit == "is moody":
            return [replace(response, text=str(self._calls)) for response in said]
        return [replace(response, arm="other") for response in said]


@pytest.mark.parametrize(
    ("habit", "sentence"),
    [
        ("sorts", "in the order of the prompts"),
        ("drops a prompt", "every prompt is answered"),
        ("is moody", "asked again, it answers the same"),
        ("swaps arms", "bears the arm"),
    ],
)
def test_contract_names_the_broken_promise(habit: str, sentence: str) -> None:
    with pytest.raises(AssertionError, match=sentence):
        check_generator(Broken(habit))


def test_questions_have_a_repeated_prompt_under_two_ids() -> None:
    texts = [question.text for question in questions()]

    assert len(set(texts)) < len(texts) == len({question.id for question in questions()})
