"""Adapters that others trained: which ones fit a base, and that the base is whole again after each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from safedose.bases import Base
from safedose.errors import InputError
from safedose.fitting import empty_model
from safedose.generation.adapters import check_fit, look_at
from safedose.generation.local import LocalGenerator
from safedose.study import Generate
from safedose.testing import check_generator
from tiny_adapters import change_config, make_adapter, make_base

PLAIN: dict[str, Any] = {}
KINDS: dict[str, dict[str, Any]] = {
    "plain": PLAIN,
    "DoRA": {"use_dora": True},
    "rsLoRA with ranks of their own": {"use_rslora": True, "rank_pattern": {"q_proj": 4}},
    "every linear layer": {"target_modules": "all-linear"},
    "embeddings": {"target_modules": ["embed_tokens", "lm_head"]},
    "a head saved whole": {"modules_to_save": ["lm_head"]},
    "new tokens": {"trainable_token_indices": [5, 6]},
    "no task": {"task_type": None},
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return Base(name="tiny", path=make_base(tmp_path_factory.mktemp("base")), fingerprint="tiny")


def add_weight(adapter: Path, name: str, shape: tuple[int, ...]) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    file = adapter / "adapter_model.safetensors"
    save_file(load_file(file) | {name: torch.zeros(shape)}, file, metadata={"format": "pt"})


@pytest.mark.parametrize("kind", KINDS)
def test_adapter_of_every_kind_fits_its_base(kind: str, base: Base, tmp_path: Path) -> None:
    found = look_at(make_adapter(base.path, tmp_path / "a", **KINDS[kind]), where="row 1")

    check_fit(found, empty_model(base)[0], base="tiny", where="row 1")

    assert (found.trained_on, found.strange) == (str(base.path), ())
    assert found.num_weights > 100


@pytest.mark.parametrize("kind", KINDS)
def test_base_is_as_before_after_an_adapter_of_every_kind(kind: str, base: Base, tmp_path: Path) -> None:
    adapter = make_adapter(base.path, tmp_path / "a", **KINDS[kind])
    generator = LocalGenerator(base, Generate(max_new_tokens=4), template="chat", seed=0)

    check_generator(generator, adapter=adapter)

    assert generator.difference(adapter) == generator.difference(adapter) > 0


def test_difference_of_an_adapter_is_to_the_base_whatever_was_on_before(base: Base, tmp_path: Path) -> None:
    one, other = (make_adapter(base.path, tmp_path / str(seed), seed=seed) for seed in (1, 2))
    alone, after = (LocalGenerator(base, Generate(), template="chat", seed=0) for _ in range(2))

    after.difference(one)

    assert after.difference(other) == alone.difference(other)


def test_adapter_that_was_never_trained_makes_no_difference(base: Base, tmp_path: Path) -> None:
    adapter = make_adapter(base.path, tmp_path / "a", zero=True)

    assert LocalGenerator(base, Generate(), template="chat", seed=0).difference(adapter) == 0


@pytest.mark.parametrize(
    ("size", "problem"),
    [
        ({"hidden_size": 32}, r"4 weights have another shape, such as .*lora_A.weight: 2 x 16, not 2 x 32"),
        ({"num_hidden_layers": 2}, r"4 weights are not there, such as .*layers\.1\..*"),
    ],
)
def test_adapter_of_another_base_is_refused(size: dict[str, int], problem: str, base: Base, tmp_path: Path) -> None:
    found = look_at(make_adapter(base.path, tmp_path / "a"), where="row 1")
    other = Base(name="big", path=make_base(tmp_path / "big", **size), fingerprint="big")

    with pytest.raises(InputError, match=problem) as caught:
        check_fit(found, empty_model(other)[0], base="big", where="row 1")

    assert f"it names the base {str(base.path)!r}" in caught.value.cause


def test_adapter_of_more_layers_than_the_base_has_is_refused(base: Base, tmp_path: Path) -> None:
    deeper = make_base(tmp_path / "deep", num_hidden_layers=2)
    found = look_at(make_adapter(deeper, tmp_path / "a"), where="row 1")

    with pytest.raises(InputError, match=r"4 weights have no place in it, such as .*layers\.1\."):
        check_fit(found, empty_model(base)[0], base="tiny", where="row 1")


def test_embeddings_that_were_saved_along_are_refused(base: Base, tmp_path: Path) -> None:
    """Loading would write them into the base, for all adapters that come after."""
    adapter = make_adapter(base.path, tmp_path / "a")
    add_weight(adapter, "base_model.model.model.embed_tokens.weight", (320, 16))

    with pytest.raises(InputError, match=r"1 weights have no place in it, such as .*embed_tokens"):
        check_fit(look_at(adapter, where="row 1"), empty_model(base)[0], base="tiny", where="row 1")


def test_checking_leaves_the_empty_base_as_it_is(base: Base, tmp_path: Path) -> None:
    model, _ = empty_model(base)
    before = [name for name, _ in model.named_modules()]

    check_fit(look_at(make_adapter(base.path, tmp_path / "a"), where=""), model, base="tiny", where="")

    assert [name for name, _ in model.named_modules()] == before


def test_settings_of_a_newer_peft_are_named(base: Base, tmp_path: Path) -> None:
    adapter = make_adapter(base.path, tmp_path / "a")
    change_config(adapter, use_tomorrow=True, use_never=False)

    assert look_at(adapter, where="row 1").strange == ("use_tomorrow",)


def test_same_bytes_are_the_same_adapter_wherever_they_lie(base: Base, tmp_path: Path) -> None:
    one, same, other = (
        make_adapter(base.path, tmp_path / name, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )

    assert look_at(one, where="").sha256 == look_at(same, where="").sha256 != look_at(other, where="").sha256


def test_configuration_is_kept_as_it_was_read(base: Base, tmp_path: Path) -> None:
    adapter = make_adapter(base.path, tmp_path / "a")

    assert look_at(adapter, where="").config == json.loads((adapter / "adapter_config.json").read_text())
