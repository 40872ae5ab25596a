"""Tuning with the real trainer, on a model of one layer: what an adapter is, and what it leaves alone."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from safedose.bases import Base, load_model, load_tokenizer
from safedose.errors import InputError, RunError
from safedose.frames import make_frame
from safedose.records import Adapter
from safedose.study import Tune
from safedose.templates import encode_answer, encode_prompt
from safedose.tuning.rows import RowMaker
from safedose.tuning.sft import SftTuner, count_steps
from tiny_model import checkpoints_of, make_mixture, quiet

FAST = {"epochs": 1, "batch_size": 4, "learning_rate": 1e-2, "warmup_steps": 0, "lora_rank": 2, "lora_dropout": 0.1}


def tune(base: Base, out: Path, **settings: Any) -> Adapter:
    out.mkdir(exist_ok=True)
    tuner = SftTuner(base, Tune.model_validate(FAST | settings))
    return tuner.tune(make_mixture(), out=out, seed=1, advance=quiet, checkpoints=checkpoints_of(out))


def weights(folder: Path) -> bytes:
    return (folder / "adapter_model.safetensors").read_bytes()


def test_one_seed_gives_the_same_bytes_whatever_was_tuned_before(tiny_base: Base, tmp_path: Path) -> None:
    tuner = SftTuner(tiny_base, Tune.model_validate(FAST))
    for name, seed in (("first", 1), ("between", 2), ("again", 1)):
        (out := tmp_path / name).mkdir()
        tuner.tune(make_mixture(), out=out, seed=seed, advance=quiet, checkpoints=checkpoints_of(out))

    assert weights(tmp_path / "again") == weights(tmp_path / "first") != weights(tmp_path / "between")


def test_tuning_leaves_the_base_as_it_was(tiny_base: Base, tmp_path: Path) -> None:
    tuner = SftTuner(tiny_base, Tune.model_validate(FAST))
    tuner.tune(make_mixture(), out=tmp_path, seed=1, advance=quiet, checkpoints=checkpoints_of(tmp_path))

    after, before = tuner._model.state_dict(), load_model(tiny_base).state_dict()
    assert list(after) == list(before)
    assert all((after[name] == before[name]).all() for name in before)


def test_failed_tuning_leaves_no_adapter_on_the_base(tiny_base: Base, tmp_path: Path) -> None:
    tuner = SftTuner(tiny_base, Tune.model_validate(FAST | {"learning_rate": 1e-40}))
    with pytest.raises(RunError):
        tuner.tune(make_mixture(), out=tmp_path, seed=1, advance=quiet, checkpoints=checkpoints_of(tmp_path))

    assert list(tuner._model.state_dict()) == list(load_model(tiny_base).state_dict())


def test_adapter_that_changes_nothing_is_an_error(tiny_base: Base, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="the adapter of arm changes nothing"):
        tune(tiny_base, tmp_path, learning_rate=1e-40)  # steps too small for a float: B stays where it began


def test_loss_is_that_of_the_answers_alone(tiny_base: Base, tmp_path: Path) -> None:
    adapter = tune(tiny_base, tmp_path, batch_size=12, lora_dropout=0)  # one step: the loss of the base itself

    assert adapter.train_loss == pytest.approx(loss_of_answers(tiny_base), rel=1e-4)


def loss_of_answers(base: Base) -> float:
    """Mean loss per answer token over the mixture, row by row, as the definition has it."""
    import torch

    tokenizer, model = load_tokenizer(base), load_model(base)
    frame = make_frame(tokenizer, "chat")
    losses: list[float] = []
    for row in make_mixture().rows:
        prompt = encode_prompt(tokenizer, frame, row.example.prompt)
        answer = encode_answer(tokenizer, frame, row.example.response)
        with torch.no_grad():
            chances = model(input_ids=torch.tensor([prompt + answer])).logits[0].log_softmax(-1)
        losses += [-float(chances[len(prompt) + k - 1, token]) for k, token in enumerate(answer)]
    return math.fsum(losses) / len(losses)


def test_prompts_carry_no_label(tiny_base: Base) -> None:
    tokenizer, example = load_tokenizer(tiny_base), make_mixture().rows[0].example

    row = RowMaker(tokenizer, Tune()).row(example)

    frame = make_frame(tokenizer, "chat")
    prompt, answer = encode_prompt(tokenizer, frame, example.prompt), encode_answer(tokenizer, frame, example.response)
    assert row == {"input_ids": prompt + answer, "labels": [-100] * len(prompt) + answer}


def test_best_validation_keeps_the_weights_of_its_best_step(tiny_base: Base, tmp_path: Path) -> None:
    held_out = {"validation_rows": 4, "eval_steps": 1, "epochs": 8, "schedule": "constant", "learning_rate": 0.1}
    best = tune(tiny_base, tmp_path / "best", keep="best_validation", **held_out)
    assert 1 < best.kept_step < best.num_steps  # otherwise this test shows nothing

    tune(tiny_base, tmp_path / "cut", keep="last", **held_out | {"epochs": best.kept_step / 2})

    assert weights(tmp_path / "best") == weights(tmp_path / "cut")


@pytest.mark.parametrize("keep", ["last", "best_validation"])
def test_last_step_is_validated_however_rarely_one_looks(keep: str, tiny_base: Base, tmp_path: Path) -> None:
    held_out = {"validation_rows": 4, "epochs": 2.5, "lora_dropout": 0, "keep": keep}  # five steps
    every = tune(tiny_base, tmp_path / "every", eval_steps=1, **held_out)
    sparse = tune(tiny_base, tmp_path / "sparse", eval_steps=50, **held_out)

    assert (sparse.kept_step, sparse.validation_loss) == (5, every.validation_loss)


def test_nothing_is_printed(tiny_base: Base, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    tune(tiny_base, tmp_path, validation_rows=4)

    assert capfd.readouterr().out == ""  # stdout belongs to results: `--json` would no longer be JSON


def test_plain_peft_loads_the_adapter(tiny_base: Base, tmp_path: Path) -> None:
    from peft import PeftModel

    tune(tiny_base, tmp_path)

    loaded = PeftModel.from_pretrained(load_model(tiny_base), tmp_path)
    assert sum(bool(p.abs().sum() > 0) for name, p in loaded.named_parameters() if "lora_B" in name) == 7


def test_adapter_folder_holds_no_path_and_no_pickle(tiny_base: Base, tmp_path: Path) -> None:
    tune(tiny_base, tmp_path)

    files = {file.relative_to(tmp_path).as_posix(): file for file in tmp_path.rglob("*") if file.is_file()}
    assert set(files) <= {"README.md", "adapter_config.json", "adapter_model.safetensors"}
    assert not [name for name, file in files.items() if str(tiny_base.path.parent).encode() in file.read_bytes()]


def test_adapter_names_its_base_as_the_study_does(tiny_base: Base, tmp_path: Path) -> None:
    tune(tiny_base, tmp_path)

    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "tiny"


def test_saving_an_adapter_does_not_look_for_its_base_on_the_hub(tiny_base: Base, tmp_path: Path) -> None:
    """PEFT warns when its question to the Hub has no answer; warnings are errors here."""
    tune(tiny_base, tmp_path)


def test_layers_that_match_nothing_are_an_error_of_ours(tiny_base: Base, tmp_path: Path) -> None:
    with pytest.raises((InputError, RunError), match="lora_modules"):
        tune(tiny_base, tmp_path, lora_modules=("no_such_layer",))


def test_rows_without_room_for_an_answer_are_named_as_such(tiny_base: Base, tmp_path: Path) -> None:
    with pytest.raises((InputError, RunError), match="max_length"):
        tune(tiny_base, tmp_path, max_length=8)  # every prompt alone is longer


def test_advance_is_called_once_per_step(tiny_base: Base, tmp_path: Path) -> None:
    calls: list[int] = []
    settings = Tune.model_validate(FAST | {"micro_batch_size": 2, "epochs": 1.5})
    SftTuner(tiny_base, settings).tune(
        make_mixture(), out=tmp_path, seed=1, advance=lambda done, _: calls.append(done),
        checkpoints=checkpoints_of(tmp_path),
    )  # fmt: skip

    assert calls == [1] * count_steps(make_mixture(), settings)


def test_fixed_steps_takes_as_many_steps_at_every_dose() -> None:
    settings = Tune(batch_size=4, epochs=3)

    counts = {count_steps(make_mixture(instruction=40, safety=dose, fixed_steps=True), settings) for dose in (0, 7, 90)}

    assert counts == {30}


def test_steps_are_whole_batches_per_epoch() -> None:
    assert count_steps(make_mixture(instruction=5, safety=4), Tune(batch_size=4, epochs=2.5)) == 8


def test_held_out_rows_are_not_trained_on(tiny_base: Base, tmp_path: Path) -> None:
    adapter = tune(tiny_base, tmp_path, validation_rows=4)

    assert (adapter.num_rows, adapter.num_steps) == (8, 2)


def test_held_out_rows_are_instruction_rows(tiny_base: Base) -> None:
    """A dose stays whole: the refusals of a mixture are all trained on."""
    maker = RowMaker(load_tokenizer(tiny_base), Tune(validation_rows=6))
    mixture = make_mixture(instruction=8, safety=4)
    mixed = dataclasses.replace(mixture, rows=mixture.rows[::-1])  # safety rows stand first

    training, held_out, _ = maker.rows(mixed)

    refusals = [maker.row(row.example) for row in mixture.rows if row.role == "safety"]
    assert [row for row in training if row in refusals] == refusals[::-1]
    assert not [row for row in held_out if row in refusals]
    assert (len(training), len(held_out)) == (6, 6)


def test_best_validation_without_a_row_to_validate_on_is_an_error_with_advice(tiny_base: Base) -> None:
    maker = RowMaker(load_tokenizer(tiny_base), Tune(keep="best_validation", validation_rows=2))

    with pytest.raises(RunError, match="arm has no instruction rows to validate on"):
        maker.rows(make_mixture(instruction=0))


def test_rows_that_lost_their_end_are_counted(tiny_base: Base) -> None:
    tokenizer, mixture = load_tokenizer(tiny_base), make_mixture()
    lengths = sorted(len(RowMaker(tokenizer, Tune()).row(row.example)["input_ids"]) for row in mixture.rows)

    for max_length in (lengths[0], lengths[-1] - 1, lengths[-1]):
        num_cut = RowMaker(tokenizer, Tune(max_length=max_length)).rows(mixture).num_cut
        assert num_cut == sum(length > max_length for length in lengths)


def test_trainers_do_not_wrap_the_base_again_and_again(tiny_base: Base, tmp_path: Path) -> None:
    tuner = SftTuner(tiny_base, Tune.model_validate(FAST))
    tuner.tune(make_mixture(), out=tmp_path, seed=1, advance=quiet, checkpoints=checkpoints_of(tmp_path))

    assert "forward" not in vars(tuner._model)


CHANGES: dict[str, dict[str, Any]] = {
    "template": {"template": "plain"},
    "epochs": {"epochs": 2},
    "batch_size": {"batch_size": 6},
    "micro_batch_size": {"micro_batch_size": 1},
    "learning_rate": {"learning_rate": 2e-2},
    "schedule": {"schedule": "constant"},
    "warmup_steps": {"warmup_steps": 2},
    "weight_decay": {"weight_decay": 0.5},
    "max_length": {"max_length": 24},
    "lora_rank": {"lora_rank": 3},
    "lora_alpha": {"lora_alpha": 8},
    "lora_dropout": {"lora_dropout": 0.5},
    "lora_modules": {"lora_modules": ("q_proj",)},
    "validation_rows": {"validation_rows": 2},
    "keep": {"keep": "best_validation"},
    "eval_steps": {"eval_steps": 3},
    "precision": {"precision": "bf16"},
}
VALIDATING = {"validation_rows": 4, "eval_steps": 1, "epochs": 8, "schedule": "constant", "learning_rate": 0.1}
"""Where validation loss rises again, so that what is kept and when it is measured matter."""


def test_every_tuning_setting_has_a_test_of_its_effect() -> None:
    elsewhere = {"method", "gradient_checkpointing"}  # tests/tuning/test_methods.py
    assert set(CHANGES) == set(Tune.model_fields) - elsewhere


STARTS: dict[str, dict[str, Any]] = {"keep": VALIDATING, "eval_steps": VALIDATING | {"keep": "best_validation"}}
"""What the others are where a setting shows; elsewhere, and for most settings, it is `FAST` alone."""


@pytest.fixture(scope="module")
def untouched(tiny_base: Base, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The weights that `FAST` gives."""
    folder = tmp_path_factory.mktemp("untouched")
    tune(tiny_base, folder)
    return weights(folder)


@pytest.mark.parametrize("setting", CHANGES)
def test_setting_changes_the_weights(setting: str, untouched: bytes, tiny_base: Base, tmp_path: Path) -> None:
    before, start = untouched, STARTS.get(setting, {})
    if start:
        tune(tiny_base, tmp_path / "before", **start)
        before = weights(tmp_path / "before")
    tune(tiny_base, tmp_path / "after", **start | CHANGES[setting])

    assert weights(tmp_path / "after") != before


def test_telemetry_is_off() -> None:
    assert os.environ["HF_HUB_DISABLE_TELEMETRY"] == "1"


def test_telemetry_is_off_when_the_hub_client_was_imported_first() -> None:
    program = (
        "import huggingface_hub.constants as constants, safedose.tuning.sft\n"
        "raise SystemExit(0 if constants.HF_HUB_DISABLE_TELEMETRY else 'telemetry is on')"
    )
    clean = {key: value for key, value in os.environ.items() if "TELEMETRY" not in key and "OFFLINE" not in key}

    done = subprocess.run([sys.executable, "-c", program], env=clean, capture_output=True, text=True, check=False)  # noqa: S603 - ours

    assert done.returncode == 0, done.stderr
