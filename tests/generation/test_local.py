"""Generation with a model of one layer: order, batches, adapters, seeds, and what content cannot do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safedose.bases import Base
from safedose.checkpoints import Checkpoints
from safedose.errors import RunError
from safedose.generation.local import LocalGenerator, plan_batches
from safedose.records import Prompt, Response
from safedose.study import Generate, Tune
from tiny_model import make_mixture, quiet

TEXTS = tuple(f"How do I {verb} boat {k}{' again' * (k % 7)}?" for k in range(12) for verb in ("wash", "fold"))
PROMPTS = tuple(Prompt(id=str(k), suite="boats", text=text, expected="comply") for k, text in enumerate(TEXTS))
LENGTHS = st.lists(st.integers(1, 60), max_size=40)


def make(base: Base, *, seed: int = 0, template: str = "chat", **settings: Any) -> LocalGenerator:
    return LocalGenerator(
        base, Generate.model_validate({"max_new_tokens": 12} | settings), template=template, seed=seed
    )


def ask(base: Base, *, arm: str = "arm", adapter: Path | None = None, seed: int = 0, **settings: Any) -> list[Response]:
    return make(base, seed=seed, **settings).generate(PROMPTS, arm=arm, adapter=adapter, batch=0)


def texts(responses: list[Response]) -> list[str]:
    return [response.text for response in responses]


@pytest.fixture(scope="module")
def adapter(tiny_base: Base, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from safedose.tuning.sft import SftTuner

    folder = tmp_path_factory.mktemp("adapter")
    settings = Tune(epochs=2, batch_size=4, learning_rate=0.1, warmup_steps=0, lora_rank=2)
    SftTuner(tiny_base, settings).tune(
        make_mixture(), out=folder, seed=0, advance=quiet, checkpoints=Checkpoints(folder / "checkpoints", key="key")
    )
    return folder


@given(LENGTHS, st.integers(1, 50), st.integers(1, 400))
def test_every_prompt_is_in_one_batch(lengths: list[int], new: int, budget: int) -> None:
    batches = plan_batches(lengths, max_new_tokens=new, batch_tokens=budget)

    assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))


@given(LENGTHS, st.integers(1, 50), st.integers(1, 400))
def test_batches_stay_within_the_budget(lengths: list[int], new: int, budget: int) -> None:
    for batch in plan_batches(lengths, max_new_tokens=new, batch_tokens=budget):
        width = max(lengths[position] for position in batch) + new
        assert len(batch) * width <= budget or len(batch) == 1


@given(LENGTHS, st.integers(1, 50), st.integers(1, 400))
def test_longest_prompts_come_first(lengths: list[int], new: int, budget: int) -> None:
    batches = plan_batches(lengths, max_new_tokens=new, batch_tokens=budget)

    ordered = [lengths[position] for batch in batches for position in batch]
    assert ordered == sorted(lengths, reverse=True)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=40), st.integers(1, 50), st.integers(1, 400))
def test_no_batch_could_take_the_first_of_the_next(lengths: list[int], new: int, budget: int) -> None:
    batches = plan_batches(lengths, max_new_tokens=new, batch_tokens=budget)

    for batch in batches[:-1]:
        assert (len(batch) + 1) * (lengths[batch[0]] + new) > budget


def test_responses_are_in_the_order_of_the_prompts(tiny_base: Base) -> None:
    responses = ask(tiny_base, batch_tokens=100)

    assert [response.prompt for response in responses] == list(PROMPTS)


def test_every_sample_of_every_prompt_is_there(tiny_base: Base) -> None:
    responses = ask(tiny_base, samples=3, temperature=1.0, batch_tokens=200)

    assert [(r.prompt.id, r.sample) for r in responses] == [(p.id, k) for p in PROMPTS for k in range(3)]


def test_samples_of_a_prompt_differ(tiny_base: Base) -> None:
    responses = ask(tiny_base, samples=3, temperature=1.0)

    assert sum(len(set(texts(responses[k : k + 3]))) > 1 for k in range(0, len(responses), 3)) > len(PROMPTS) / 2


def test_responses_bear_their_planned_batch(tiny_base: Base) -> None:
    responses = make(tiny_base).generate(PROMPTS, arm="arm", adapter=None, batch=3)

    assert {(response.batch, response.split) for response in responses} == {(3, "")}


def test_samples_differ_from_batch_to_batch(tiny_base: Base) -> None:
    generator = make(tiny_base, temperature=1.0)
    said = [generator.generate(PROMPTS, arm="arm", adapter=None, batch=number) for number in (0, 1, 0)]

    assert texts(said[0]) == texts(said[2]) != texts(said[1])


def with_room_for(num_rows: int, generator: LocalGenerator) -> LocalGenerator:
    """Let the model run out of memory on more rows than that, as a GPU would."""
    import torch

    def refuse(_module: Any, _arguments: Any, inputs: dict[str, Any]) -> None:
        if len(inputs["input_ids"]) > num_rows:
            raise torch.OutOfMemoryError("CUDA out of memory")

    generator._model.register_forward_pre_hook(refuse, with_kwargs=True)
    return generator


def test_batch_that_does_not_fit_is_halved_until_it_does(tiny_base: Base) -> None:
    responses = with_room_for(7, make(tiny_base)).generate(PROMPTS, arm="arm", adapter=None, batch=0)

    assert [response.split for response in responses] == ["00"] * 6 + ["01"] * 6 + ["10"] * 6 + ["11"] * 6


def test_halved_batch_is_answered_like_a_whole_one(tiny_base: Base) -> None:
    halved = with_room_for(7, make(tiny_base)).generate(PROMPTS, arm="arm", adapter=None, batch=0)

    assert texts(halved) == texts(ask(tiny_base))


def test_halved_batch_samples_the_same_each_time(tiny_base: Base) -> None:
    said = [
        with_room_for(5, make(tiny_base, temperature=1.0)).generate(PROMPTS, arm="arm", adapter=None, batch=0)
        for _ in range(2)
    ]

    assert said[0] == said[1]


def test_prompt_that_does_not_fit_alone_is_an_error(tiny_base: Base) -> None:
    with pytest.raises(RunError, match="one prompt of"):
        with_room_for(0, make(tiny_base)).generate(PROMPTS, arm="arm", adapter=None, batch=0)


def test_greedy_answers_are_the_same_for_every_seed_and_arm(tiny_base: Base) -> None:
    assert texts(ask(tiny_base, seed=1)) == texts(ask(tiny_base, seed=2, arm="other"))


def test_greedy_answers_take_the_likeliest_token(tiny_base: Base) -> None:
    generator = make(tiny_base)
    responses = generator.generate(PROMPTS[:4], arm="arm", adapter=None, batch=0)

    assert texts(responses) == [likeliest(generator, prompt) for prompt in PROMPTS[:4]]


def likeliest(generator: LocalGenerator, prompt: Prompt) -> str:
    """Decode one prompt alone, token by token, without any library's decoding."""
    import torch

    ids, said = generator._encode(prompt), []
    for _ in range(12):
        with torch.no_grad():
            token = int(generator._model(input_ids=torch.tensor([ids + said])).logits[0, -1].argmax())
        if token in generator._encoder.frame.stop:
            break
        said.append(token)
    return generator._tokenizer.decode(said, skip_special_tokens=True).strip()


def test_sampled_answers_repeat_with_the_seed(tiny_base: Base) -> None:
    assert texts(ask(tiny_base, temperature=1.0, seed=1)) == texts(ask(tiny_base, temperature=1.0, seed=1))


@pytest.mark.parametrize("other", [{"seed": 2}, {"seed": 1, "arm": "other"}])
def test_sampled_answers_differ_with_seed_and_arm(other: dict[str, Any], tiny_base: Base) -> None:
    assert texts(ask(tiny_base, temperature=1.0, **other)) != texts(ask(tiny_base, temperature=1.0, seed=1))


def test_base_answers_as_before_when_an_adapter_is_gone(tiny_base: Base, adapter: Path) -> None:
    generator = make(tiny_base)
    said = [generator.generate(PROMPTS, arm="a", adapter=which, batch=0) for which in (None, adapter, None)]

    assert said[0] == said[2] != said[1]


def test_adapter_answers_the_same_after_another(tiny_base: Base, adapter: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(adapter, other)
    generator = make(tiny_base)
    said = [generator.generate(PROMPTS, arm="a", adapter=which, batch=0) for which in (adapter, other, adapter)]

    assert said[0] == said[1] == said[2]


def test_answer_that_ends_by_itself_stops(tiny_base: Base) -> None:
    stopped = [response for response in ask(tiny_base) if response.finish == "stop"]

    assert stopped
    assert all(response.num_tokens <= 12 and "</s>" not in response.text for response in stopped)


def test_answer_that_is_cut_says_so(tiny_base: Base) -> None:
    cut = [response for response in ask(tiny_base, max_new_tokens=2) if response.finish == "length"]

    assert cut
    assert {response.num_tokens for response in cut} == {2}


def test_decoding_defaults_of_the_base_do_not_leak_in(tiny_base: Base, tmp_path: Path) -> None:
    shutil.copytree(tiny_base.path, tmp_path / "base")
    file = tmp_path / "base" / "generation_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"repetition_penalty": 5.0}))

    assert texts(ask(Base(name="other", path=tmp_path / "base", fingerprint="other"))) == texts(ask(tiny_base))


def test_sampling_draws_from_all_tokens(tiny_base: Base) -> None:
    """The study file names temperature and top_p; a hidden top_k of 50 would cut the tail off."""
    from transformers.generation.logits_process import TopKLogitsWarper

    generator = make(tiny_base, temperature=1.0)
    config, _ = generator._model._prepare_generation_config(generator._decoding())
    warpers = generator._model._get_logits_processor(config, input_ids_seq_length=1)

    assert not [warper for warper in warpers if isinstance(warper, TopKLogitsWarper)]


CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "max_new_tokens": ({}, {"max_new_tokens": 2}),
    "samples": ({"temperature": 1.0}, {"samples": 2}),
    "temperature": ({}, {"temperature": 1.0}),
    "top_p": ({"temperature": 1.0}, {"top_p": 0.1}),
    "num_beams": ({}, {"num_beams": 4}),
    "precision": ({}, {"precision": "bf16"}),
}


def test_every_decoding_setting_has_a_test_of_its_effect() -> None:
    # an arm more: tests/sweep; the batches: tests/test_inputs.py; a server: test_endpoint.py
    elsewhere = {"untuned", "batch_tokens", "endpoint"}
    assert set(CHANGES) == set(Generate.model_fields) - elsewhere


@pytest.mark.parametrize("setting", CHANGES)
def test_setting_changes_the_responses(setting: str, tiny_base: Base) -> None:
    before, change = CHANGES[setting]

    assert ask(tiny_base, **before) != ask(tiny_base, **before | change)
