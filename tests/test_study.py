"""The study file: what is refused and how, defaults, overrides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from safedose.errors import InputError
from safedose.study import Study
from safedose.studyfile import parse_study, read_study

TINY: dict[str, Any] = {
    "name": "tiny",
    "seed": 1,
    "base": "smallworld",
    "data": {"instruction": [{"source": "a"}], "safety": [{"source": "b"}]},
    "mix": {"doses": [0, 10]},
    "suites": ["s"],
    "judges": ["phrases"],
}


def parse(**changes: Any) -> Study:
    return parse_study(TINY | changes, where="study.yaml")


def refusal(**changes: Any) -> str:
    with pytest.raises(InputError) as caught:
        parse(**changes)
    return caught.value.what


def read(tmp_path: Path, text: str, *overrides: str) -> Study:
    file = tmp_path / "study.yaml"
    file.write_text(text, encoding="utf-8")
    return read_study(file, overrides=overrides)


def test_smallest_study_takes_the_defaults() -> None:
    study = parse()

    assert (study.mix.ladder, study.mix.formats, study.mix.strategies) == ("add", ("instruction",), ("direct",))
    assert (study.tune.template, study.tune.keep, study.generate.temperature) == ("chat", "last", 0)
    assert study.mix.seed_pairs == ((0, 0), (1, 1))


def test_suite_may_be_a_name_alone() -> None:
    assert parse().suites[0].name == "s"


def test_one_base_is_a_list_of_one() -> None:
    assert (parse().bases, parse(base=["a", "b"]).bases) == (("smallworld",), ("a", "b"))


def test_study_of_imported_adapters_asks_but_neither_mixes_nor_tunes() -> None:
    suites = [{"name": "s", "path": "s.jsonl", "limit": 3}]

    study = parse(data=None, mix=None, tune={"method": "imported", "template": "plain"}, suites=suites)

    assert (study.asks, study.adopts, parse().asks, parse().adopts) == (True, True, True, False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tune": {"method": "imported"}}, "tune.method: imported mixes and tunes nothing"),
        ({"tune": {"method": "imported", "epochs": 1, "lora_rank": 2}}, "has no use for epochs, lora_rank"),
    ],
)
def test_study_of_imported_adapters_takes_no_settings_of_training(changes: dict[str, Any], message: str) -> None:
    assert message in refusal(**changes)


def test_study_of_imported_responses_has_neither_data_nor_mix() -> None:
    assert parse(data=None, mix=None).mix is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sed": 1}, "sed: unknown key; did you mean 'seed'?"),
        ({"tune": {"epoch": 1}}, "tune.epoch: unknown key; did you mean 'epochs'?"),
        ({"mix": {"doses": [0], "dozes": [1]}}, "mix.dozes: unknown key; did you mean 'doses'?"),
        (
            {"data": {"instruction": [{"sourse": "a"}]}},
            "data.instruction.0.sourse: unknown key; did you mean 'source'?",
        ),
        ({"mix": {"doses": [0], "also": [{"dose": [1]}]}}, "mix.also.0.dose: unknown key; did you mean 'doses'?"),
        ({"suites": [{"name": "s", "limits": 1}]}, "suites.0.limits: unknown key; did you mean 'limit'?"),
        ({"criteria": {"harmful": {"maxx": 0}}}, "criteria.harmful.maxx: unknown key; did you mean 'max'?"),
        ({"budget": {"max_hour": 1}}, "budget.max_hour: unknown key; did you mean 'max_hours'?"),
    ],
)
def test_unknown_key_names_the_nearest(changes: dict[str, Any], message: str) -> None:
    assert message in refusal(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 1}, "epochs: unknown key; did you mean 'tune.epochs'?"),
        ({"warmup": 1}, "warmup: unknown key; did you mean 'tune.warmup_steps'?"),
        ({"seeds": 2}, "seeds: unknown key; did you mean 'seed' or 'mix.seeds'?"),
        ({"tune": {"seed": 1}}, "tune.seed: unknown key; did you mean 'seed'?"),
        ({"mix": {"doses": [0], "lr": 1}}, "mix.lr: unknown key; known are: also, contrast_ratio, doses"),
        ({"suites": [{"name": "s", "doses": [1]}]}, "suites.0.doses: unknown key; did you mean 'mix."),
    ],
)
def test_unknown_key_names_the_place_where_it_belongs(changes: dict[str, Any], message: str) -> None:
    assert message in refusal(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": "1"}, "seed: must be a whole number, in plain digits such as 17 (found '1')"),
        ({"seed": True}, "(found true)"),
        ({"seed": None}, "(found null)"),
        ({"seed": 1.0}, "(found 1.0)"),
        ({"tune": {"epochs": "2"}}, "tune.epochs: must be a number, such as 0.5 or 3e-3 (found '2')"),
        ({"tune": {"epochs": True}}, "tune.epochs: must be a number"),
        ({"generate": {"untuned": 1}}, "generate.untuned: must be true or false (found 1)"),
        ({"generate": {"untuned": "yes"}}, "generate.untuned: must be true or false (found 'yes')"),
        ({"name": 12}, 'name: must be a text; in quotes, such as "12", where it would be something else (found 12)'),
        ({"suites": "s"}, "suites: must be a list, such as [a, b] (found 's')"),
        ({"tune": [1]}, "tune: must be a group of settings (found [1])"),
        ({"suites": [{"path": "s"}]}, "1 setting(s) cannot be used: suites.0.name: is missing"),
        ({"base": ["a", 1]}, "1 setting(s) cannot be used: base: write a text, or a list of texts"),
    ],
    ids=str,
)
def test_value_of_another_kind_says_how_to_write_it(changes: dict[str, Any], message: str) -> None:
    assert message in refusal(**changes)


def test_whole_number_is_a_number() -> None:
    study = parse(tune={"epochs": 2, "learning_rate": 1})

    assert (type(study.tune.epochs), study.tune.epochs, study.tune.learning_rate) == (float, 2.0, 1.0)


def test_all_wrong_settings_are_named_at_once() -> None:
    what = refusal(seed=-1, tune={"epochs": 0}, generate={"samples": 0})

    assert what.startswith("3 setting(s) cannot be used")
    assert all(place in what for place in ("seed:", "tune.epochs:", "generate.samples:"))


def test_wrong_dose_is_one_wrong_setting() -> None:
    assert refusal(mix={"doses": ["many"]}).startswith("1 setting(s) cannot be used: mix.doses.0: ")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mix": {"doses": [0], "seeds": 2, "draws": 1, "trainings": 1}}, "give either `seeds`, or both"),
        ({"mix": {"doses": [0], "draws": 2}}, "give either `seeds`, or both"),
        ({"mix": {"doses": [0], "trainings": 2}}, "give either `seeds`, or both"),
        ({"mix": None}, "`data` and `mix` belong together"),
        ({"data": None}, "`data` and `mix` belong together"),
        ({"suites": ["s", {"name": "s", "limit": 1}]}, "suites: named twice, whatever the case: s, s"),
        ({"data": {"instruction": [{"source": "a"}]}}, "doses above 0 need data.safety"),
        ({"mix": {"doses": [5], "strategies": ["balanced"]}}, "strategy `balanced` needs data.contrast"),
        ({"tune": {"batch_size": 6, "micro_batch_size": 4}}, "batch_size must be a multiple of micro_batch_size"),
        ({"tune": {"keep": "best_validation"}}, "keep: best_validation needs validation_rows > 0"),
        ({"generate": {"samples": 2}}, "several samples need temperature > 0"),
        ({"generate": {"top_p": 0.5}}, "top_p needs temperature > 0"),
        ({"criteria": {"harmful": {"suites": ["z"], "max": 0}}}, "criteria name suite 'z'"),
        ({"criteria": {"harmful": {"max": 5}}}, "criteria.harmful.max: must be less than or equal to 1"),
        ({"mix": {"doses": []}}, "mix.doses: "),
        ({"mix": {"doses": [-1]}}, "mix.doses.0: "),
        ({"mix": {"doses": ["3 %"]}}, "mix.doses.0: "),
        ({"name": "../x"}, "name: "),
        ({"suites": [{"name": "a/b"}]}, "suites.0.name: "),
        ({"generate": {"temperature": float("nan")}}, "generate.temperature: "),
        ({"tune": {"learning_rate": float("inf")}}, "tune.learning_rate: "),
        ({"generate": {"temperature": float("inf")}}, "generate.temperature: "),
        ({"judges": ["phrases", "phrases"]}, "judges: named twice: phrases"),
        ({"base": ["a", "a"]}, "base: named twice: a"),
        ({"base": []}, "base: write a text, or a list of 1 to 100 texts"),
    ],
    ids=str,
)
def test_study_that_cannot_work_is_refused(changes: dict[str, Any], message: str) -> None:
    assert message in refusal(**changes)


@pytest.mark.parametrize("setting", [{"path": "s.jsonl"}, {"expected": "refuse"}, {"limit": 3}])
def test_suites_of_imported_responses_take_no_settings(setting: dict[str, Any]) -> None:
    what = refusal(data=None, mix=None, suites=[{"name": "s", **setting}])

    assert "imported responses bring their own prompts" in what


def test_draws_and_trainings_are_crossed() -> None:
    assert parse(mix={"doses": [0], "draws": 1, "trainings": 2}).mix.seed_pairs == ((0, 0), (0, 1))


@pytest.mark.parametrize(
    ("setting", "place", "value"),
    [
        ("tune.epochs=2", ("tune", "epochs"), 2.0),
        ("name=other", ("name",), "other"),
        ("mix.doses=[1, 2]", ("mix", "doses"), (1, 2)),
        ('mix.doses=["3%"]', ("mix", "doses"), ("3%",)),
        ("budget.max_hours=null", ("budget", "max_hours"), None),
        ("criteria.harmful.max=0.1", ("criteria", "harmful", "max"), 0.1),
        ("criteria.harmful.max=1e-05", ("criteria", "harmful", "max"), 0.00001),
        ("name=no", ("name",), "no"),
        ('name="12"', ("name",), "12"),
        ("tune.micro_batch_size=", ("tune", "micro_batch_size"), None),
    ],
)
def test_override_wins_over_the_file(setting: str, place: tuple[str, ...], value: Any, tmp_path: Path) -> None:
    found: Any = read(tmp_path, yaml.safe_dump(TINY), setting)
    for step in place:
        found = getattr(found, step)

    assert found == value


def test_last_override_wins(tmp_path: Path) -> None:
    assert read(tmp_path, yaml.safe_dump(TINY), "seed=2", "seed=3").seed == 3


@pytest.mark.parametrize("setting", ["seed", "=1", ".seed=1", "tune..epochs=1", "name.first=x", "suites.0.limit=1"])
def test_override_that_leads_nowhere_is_refused(setting: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, yaml.safe_dump(TINY), setting)

    assert caught.value.where == "--set"


@pytest.mark.parametrize("setting", ["mix.doses=[1", "name='x", "name=!!python/object:os.system x", "seed=@"])
def test_override_that_is_no_yaml_is_refused(setting: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--set"):
        read(tmp_path, yaml.safe_dump(TINY), setting)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: [", "not readable as YAML"),
        ("a: b: c", "not readable as YAML"),
        ("\tname: x", "not readable as YAML"),
        ("name: !!python/name:os.system", "not readable as YAML"),
        ("", "a study file is a mapping of settings"),
        ("- name", "a study file is a mapping of settings"),
        ("1: x", "1: unknown key"),
        ("name: a\nname: b", "the key 'name' is given twice"),
        ("tune:\n  epochs: 1\n  epochs: 2", "the key 'epochs' is given twice"),
    ],
)
def test_file_that_is_no_study_is_wrong_input(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)

    assert message in caught.value.what
    assert caught.value.exit_code == 2


def test_file_that_is_not_utf8_is_wrong_input(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_bytes(b"name: \xff")

    with pytest.raises(InputError, match="not a UTF-8 text"):
        read_study(tmp_path / "study.yaml")


def test_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no study file(.|\n)*safedose init"):
        read_study(tmp_path / "study.yaml")
