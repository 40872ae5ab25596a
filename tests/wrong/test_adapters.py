"""Adapters that cannot be brought in: nothing is made of them, not even a folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from refusing import Refused
from tiny_adapters import TABLE, change_config, make_adapter, make_base, write_adapters
from tiny_study import write_rows

TEN = {"adapter": "ten", "dose": 10}

ROWS: dict[str, tuple[dict[str, Any], str]] = {
    "no dose": ({"adapter": "ten"}, "column 'dose' is missing"),
    "no adapter": ({"dose": 10}, "column 'adapter' is missing"),
    "an empty adapter": (TEN | {"adapter": ""}, "column 'adapter' is empty"),
    "a misspelt column": ({"adaptor": "ten", "dose": 10}, "did you mean 'adaptor'?"),
    "a share as dose": (TEN | {"dose": "3%"}, "not a whole number from 0"),
    "a dose below 0": (TEN | {"dose": -1}, "not a whole number from 0"),
    "a seed in words": (TEN | {"seed": "first"}, "not a whole number from 0"),
    "an unknown format": (TEN | {"format": "order"}, "column 'format' holds 'order'"),
    "an unknown strategy": (TEN | {"strategy": "indirect"}, "did you mean 'direct'?"),
    "no format at a dose": (TEN | {"format": "none"}, "holds 'none' at dose 10"),
    "a number as adapter": (TEN | {"adapter": 7}, "not a text"),
    "a folder that is not there": (TEN | {"adapter": "tenn"}, "did you mean 'ten'?"),
    "a folder outside": (TEN | {"adapter": "../adapters/ten"}, "leads out of the folder of adapters"),
    "an absolute path": (TEN | {"adapter": "/etc"}, "leads out of the folder of adapters"),
    "a name of 300 letters": (TEN | {"adapter": "x" * 300}, "there is no adapter"),
    "a run of ours": (TEN | {"run": "untuned"}, "the run cannot be called 'untuned'"),
    "the adapter of another row": ({"adapter": "clean", "dose": 10}, "the adapter clean stands in row 1 already"),
    "the arm of another row": (TEN | {"dose": 0}, "ten is the same arm as clean in row 1"),
    "a base that is not there": (TEN | {"base": "nowhere"}, "neither a folder nor an id of the Hub"),
    "a folder without an adapter": (TEN | {"adapter": "deep"}, "deep holds no adapter_config.json"),
}
"""The second of two rows, and what must be said of it."""


def pickled(adapter: Path) -> None:
    (adapter / "adapter_model.safetensors").rename(adapter / "adapter_model.bin")


def without_weights(adapter: Path) -> None:
    (adapter / "adapter_model.safetensors").unlink()


def whole_model(adapter: Path) -> None:
    shutil.rmtree(adapter)
    shutil.copytree(adapter.parents[1] / "base", adapter)


def cut(adapter: Path) -> None:
    file = adapter / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def no_safetensors(adapter: Path) -> None:
    (adapter / "adapter_model.safetensors").write_bytes(b"PK\x03\x04")


def no_json(adapter: Path) -> None:
    (adapter / "adapter_config.json").write_text('{"peft_type": "LORA",')


def no_object(adapter: Path) -> None:
    (adapter / "adapter_config.json").write_text("[]")


def no_text(adapter: Path) -> None:
    (adapter / "adapter_config.json").write_bytes(b"\xff\xfe\x00")


def of_a_wider_base(adapter: Path) -> None:
    make_adapter(make_base(adapter.parents[1] / "wide", hidden_size=32), adapter)


def of_the_same_bytes(adapter: Path) -> None:
    shutil.rmtree(adapter)
    shutil.copytree(adapter.parent / "clean", adapter)


def set_to(**changes: Any) -> Callable[[Path], None]:
    return lambda adapter: change_config(adapter, **changes)


ADAPTERS: dict[str, tuple[Callable[[Path], None], str]] = {
    "pickled weights": (pickled, "the weights of ten are pickled (adapter_model.bin)"),
    "no weights": (without_weights, "ten holds no adapter_model.safetensors"),
    "a whole model": (whole_model, "ten is a whole model, not an adapter"),
    "weights cut short": (cut, "ten/adapter_model.safetensors cannot be read"),
    "weights of another format": (no_safetensors, "ten/adapter_model.safetensors cannot be read"),
    "a configuration cut short": (no_json, "ten/adapter_config.json is no JSON object"),
    "a list as configuration": (no_object, "ten/adapter_config.json is no JSON object"),
    "bytes as configuration": (no_text, "ten/adapter_config.json is no JSON object"),
    "a base of another size": (of_a_wider_base, "4 weights have another shape"),
    "the same bytes as another": (of_the_same_bytes, "the adapter ten stands in row 1 already, as clean"),
    "another rank than its weights": (set_to(r=4), "4 weights have another shape"),
    "a rank of 0": (set_to(r=0), "has the rank 0"),
    "a rank in words": (set_to(r="two"), "has the rank 'two'"),
    "layers that no base has": (set_to(target_modules=["w_pack"]), "it cannot be put on"),
    "fewer layers than its weights": (set_to(target_modules=["q_proj"]), "2 weights have no place in it"),
    "more layers than its weights": (set_to(target_modules=["q_proj", "v_proj", "k_proj"]), "2 weights are not there"),
    "a pattern that is none": (set_to(target_modules="(q_proj"), "it cannot be put on"),
    "layers beyond the last": (set_to(layers_to_transform=[7]), "it cannot be put on"),
    "another kind of adapter": (set_to(peft_type="IA3"), "is of the kind IA3"),
    "no kind": (set_to(peft_type=None), "is of the kind None"),
    "a classifier": (set_to(task_type="SEQ_CLS"), "is for the task SEQ_CLS"),
    "code of its own": (set_to(auto_map={"AutoModel": "x.Y"}), "brings code of its own"),
    "PiSSA": (set_to(init_lora_weights="pissa_niter_4"), "was begun by 'pissa_niter_4'"),
    "layers given twice": (set_to(layer_replication=[[0, 1], [0, 1]]), "uses layer_replication"),
    "a head that its weights lack": (set_to(modules_to_save=["lm_head"]), "1 weights are not there"),
}
"""What is done to the adapter of the second row, and what must be said of it."""

OPTIONS: dict[str, tuple[list[str], str]] = {
    "an unknown template": (["--template", "alpacca"], "did you mean 'alpaca'?"),
    "an unknown suite": (["--suite", "xstest-saf"], "did you mean 'xstest-safe'?"),
    "a suite without its file": (["--suite", "mine=nowhere.jsonl"], "there is no file nowhere.jsonl"),
    "a suite twice": (["--suite", "q-harm", "--suite", "q-harm"], "named twice"),
    "a mapping to nothing": (["--map", "dose"], "cannot read the mapping 'dose'"),
    "an unknown column": (["--map", "dosis=n"], "did you mean 'dose'?"),
    "a base that is no model": (["--base", "adapters"], "has no safetensors weights"),
}


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that could be brought in; no test changes it."""
    return write_adapters(tmp_path_factory.mktemp("whole")).parent


@pytest.fixture
def given(whole: Path, tmp_path: Path) -> Path:
    """A copy of it in the test's own folder."""
    return shutil.copytree(whole, tmp_path, dirs_exist_ok=True)


def words(given: Path, *more: str) -> list[object]:
    return ["import", "adapters", given / "adapters", "--table", given / "table.jsonl", "--out", "mine",
            "--base", "base", *more]  # fmt: skip


@pytest.mark.parametrize("wrong", ROWS)
def test_row_that_means_nothing_is_refused(wrong: str, given: Path, refused: Refused) -> None:
    row, message = ROWS[wrong]
    write_rows(given / "table.jsonl", [TABLE[0], row])

    refused(*words(given), saying=message)


@pytest.mark.parametrize("wrong", ADAPTERS)
def test_adapter_that_does_not_fit_is_refused(wrong: str, given: Path, refused: Refused) -> None:
    spoil, message = ADAPTERS[wrong]
    spoil(given / "adapters" / "ten")
    write_rows(given / "table.jsonl", TABLE[:2])

    said = refused(*words(given), saying=message)

    assert "where: row 2" in said


@pytest.mark.parametrize("wrong", OPTIONS)
def test_option_that_leads_nowhere_is_refused(wrong: str, given: Path, refused: Refused) -> None:
    options, message = OPTIONS[wrong]

    refused(*words(given, *options), saying=message)


def test_table_without_rows_is_refused(given: Path, refused: Refused) -> None:
    (given / "table.csv").write_text("adapter,dose\n")

    refused("import", "adapters", given / "adapters", "--table", given / "table.csv", "--out", "mine", saying="no rows")


def test_folder_of_adapters_that_is_not_there_is_refused(given: Path, refused: Refused) -> None:
    refused("import", "adapters", "nowhere", "--table", given / "table.jsonl", "--out", "mine", saying="no folder")


def test_study_is_not_written_over_anything(given: Path, refused: Refused) -> None:
    refused(*words(given, "--out", "adapters"), saying="adapters is not empty")
