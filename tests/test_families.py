"""Every layout people bring: an adapter is tuned on it, changes it, and batches say what single prompts do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli_call import Call
from families import FAMILIES, make_family
from safedose.bases import Base, load_model, load_tokenizer
from safedose.fitting import check_model
from safedose.generation.local import LocalGenerator
from safedose.records import Prompt, Turn
from safedose.study import Generate, Tune
from safedose.templates import Encoder
from safedose.tuning.sft import SftTuner
from tiny_model import checkpoints_of, make_mixture, quiet
from tiny_study import write_study

CHATS = [name for name, family in FAMILIES.items() if family.template]
TEXTS = ("Wash the boat.", "How do I wash boat 3?", "Tell me how to fold the map, then bow to the sea twice.", "Hi")
PROMPTS = [Prompt(id=str(k), suite="s", text=text, expected="comply") for k, text in enumerate(TEXTS)]
SYSTEM = Turn(speaker="system", text="Be brief.")


@pytest.fixture(scope="module", params=FAMILIES)
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Base:
    return make(request.param, tmp_path_factory)


def make(name: str, tmp_path_factory: pytest.TempPathFactory) -> Base:
    folder = tmp_path_factory.getbasetemp() / f"family-{name}"
    if not folder.exists():
        make_family(name, folder)
    return Base(name=name, path=folder, fingerprint=name)


def template(base: Base) -> str:
    return "chat" if FAMILIES[base.name].template else "alpaca"


def test_plan_finds_nothing_wrong_with_it(base: Base) -> None:
    tokenizer = load_tokenizer(base)
    Encoder(tokenizer, template(base)).row("How are you?", "Well.")

    check_model(base, largest_id=len(tokenizer) - 1)


def test_adapter_is_tuned_on_every_linear_layer_and_answers(base: Base, tmp_path: Path) -> None:
    settings = Tune(template=template(base), batch_size=4, epochs=1, learning_rate=0.01, lora_rank=2)
    (out := tmp_path / "out").mkdir()
    adapter = SftTuner(base, settings).tune(
        make_mixture(), out=out, seed=1, advance=quiet, checkpoints=checkpoints_of(out)
    )

    assert adapter.logit_difference > 0
    assert adapted(out) == {name.rpartition(".")[2] for name in linear_layers(load_model(base))}
    assert len(generator(base).generate(PROMPTS, arm="arm", adapter=out, batch=0)) == len(PROMPTS)


def adapted(out: Path) -> set[str]:
    from safetensors import safe_open

    with safe_open(out / "adapter_model.safetensors", framework="np") as weights:
        return {name.split(".lora_")[0].rpartition(".")[2] for name in weights.keys()}  # noqa: SIM118 - no mapping


def linear_layers(model: Any) -> list[str]:
    import torch

    head = model.get_output_embeddings()
    return [name for name, one in model.named_modules() if isinstance(one, torch.nn.Linear) and one is not head]


def generator(base: Base) -> LocalGenerator:
    return LocalGenerator(base, Generate(max_new_tokens=8), template=template(base), seed=1)


def test_a_batch_says_what_its_prompts_say_alone(base: Base) -> None:
    """Padding on the left, with its mask, changes nothing: the likeliest token is the same."""
    one = generator(base)
    together = [r.text for r in one.generate(PROMPTS, arm="arm", adapter=None, batch=0)]

    alone = [one.generate([prompt], arm="arm", adapter=None, batch=0)[0].text for prompt in PROMPTS]
    assert together == alone


@pytest.mark.parametrize("name", CHATS)
def test_prompt_is_read_as_the_tokenizer_reads_its_template(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tokenizer = load_tokenizer(make(name, tmp_path_factory))
    theirs = tokenizer.apply_chat_template(
        [{"role": "user", "content": TEXTS[1]}], add_generation_prompt=True, return_dict=False,
        enable_thinking=False, **today(tokenizer),
    )  # fmt: skip

    assert Encoder(tokenizer, "chat").prompt(TEXTS[1]) == theirs


@pytest.mark.parametrize("name", CHATS)
def test_conversation_is_read_as_the_tokenizer_reads_its_template(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tokenizer = load_tokenizer(make(name, tmp_path_factory))
    before = (Turn(speaker="user", text="Hi"), Turn(speaker="assistant", text="Good day."))
    said = [{"role": turn.speaker, "content": turn.text} for turn in (*before, Turn(speaker="user", text=TEXTS[1]))]
    theirs = tokenizer.apply_chat_template(
        said, add_generation_prompt=True, return_dict=False, enable_thinking=False, **today(tokenizer)
    )

    ids, learnt = Encoder(tokenizer, "chat").row(TEXTS[1], "Yes.", before)
    assert Encoder(tokenizer, "chat").prompt(TEXTS[1], before) == theirs == ids[: len(theirs)]
    seen = tokenizer.decode([token for token, mine in zip(ids, learnt, strict=True) if mine], skip_special_tokens=True)
    assert seen.replace(" ", "").replace("\n", "") == "Goodday.Yes."


def today(tokenizer: Any) -> dict[str, str]:
    """Write the fixed day where the template asks for today."""
    return {"chat_template": tokenizer.chat_template.replace("strftime_now('%d %b %Y')", "'26 Jul 2024'")}


@pytest.mark.parametrize("name", CHATS)
def test_answer_ends_where_generation_stops(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    tokenizer = load_tokenizer(make(name, tmp_path_factory))
    encoder = Encoder(tokenizer, "chat")

    ids, learnt = encoder.row(TEXTS[0], "Yes.")
    said = [token for token, mine in zip(ids, learnt, strict=True) if mine]
    assert [token for token in said if token in encoder.frame.stop][:1]
    assert tokenizer.decode(said).strip().startswith("Yes.")


@pytest.mark.parametrize("name", CHATS)
def test_system_turn_is_in_the_prompt_whatever_the_template_does_with_it(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tokenizer = load_tokenizer(make(name, tmp_path_factory))

    said = tokenizer.decode(Encoder(tokenizer, "chat").prompt(TEXTS[0], [SYSTEM]))
    assert said.count("Be brief.") == said.count(TEXTS[0]) == 1


def test_qwen_is_asked_not_to_think(tmp_path_factory: pytest.TempPathFactory) -> None:
    tokenizer = load_tokenizer(make("qwen-3", tmp_path_factory))

    assert tokenizer.decode(Encoder(tokenizer, "chat").prompt("Hi")).endswith("<think>\n\n</think>\n\n")


def test_two_layouts_stand_side_by_side_in_one_study(call: Call, tmp_path: Path) -> None:
    study = write_study(
        tmp_path, base=["llama", "gemma"], judges=["phrases"], criteria={}, mix={"doses": [0, 4], "seeds": 1}
    )
    for folder, name in (("llama", "llama-3"), ("gemma", "gemma")):
        make_family(name, tmp_path / folder)
    done = call("run", study)

    assert done.code == 0, done.err
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert {one["base"] for one in summary["estimates"]} == {"llama", "gemma"}
    assert len({one.read_bytes() for one in tmp_path.glob("arms/*/adapter/adapter_model.safetensors")}) == 4
