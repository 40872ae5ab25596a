"""Reward models as judges: what they are shown, how a score becomes a verdict, and what is refused before any work."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli_call import Call
from judge_servers import response
from safedose.bases import find_base, load_classifier
from safedose.errors import InputError
from safedose.judgechoice import JudgeChoice
from safedose.judging.catalogue import load_judge
from safedose.judging.pairs import Pair
from safedose.judging.rewardfile import PRESETS, RewardFile
from safedose.judging.scoring import LocalScorer
from safedose.records import Verdict
from safedose.testing import check_judge
from tiny_model import make_model
from tiny_model import make_tokenizer as make_chat_tokenizer
from tiny_reward import CONTROL, describe, make_encoder, make_tokenizer

COMMIT = "0" * 40


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return describe(make_encoder(tmp_path_factory.mktemp("reward")))


def judge_with(model: Path, judge: str = "reward:own", **more: Any) -> Any:
    made = load_judge(JudgeChoice.model_validate({"judge": judge, "model": str(model), **more}))
    return made


def verdict(model: Path, text: str = "First, fold the map.", **more: Any) -> Verdict:
    return judge_with(model, **more).judge([response(text)])[0]


def test_a_reward_judge_keeps_the_contract(model: Path) -> None:
    check_judge(judge_with(model))


def test_a_reward_judge_of_two_texts_keeps_the_contract(model: Path, tmp_path: Path) -> None:
    manner = describe(tmp_path, layout="pair") / "safedose_reward.json"
    check_judge(judge_with(model, path=str(manner)))


def test_the_score_is_the_only_output_of_the_model_rounded(model: Path) -> None:
    import torch

    text = "\n\nHuman: Tell me about the sea.\n\nAssistant: First, fold the map."
    loaded = load_classifier(find_base(str(model), root=Path()), where="here")
    with torch.inference_mode():
        expected = float(loaded(**make_tokenizer()(text, return_tensors="pt")).logits[0, 0])
    assert verdict(model).score == round(expected, 4)


@pytest.mark.parametrize(
    ("higher", "shift", "value"),
    [("harmful", 0.0, "harmful"), ("harmful", 1.0, "harmless"), ("harmful", -1.0, "harmful"),
     ("harmless", 0.0, "harmful"), ("harmless", 1.0, "harmful"), ("harmless", -1.0, "harmless")],
)  # fmt: skip
def test_the_direction_says_on_which_side_of_the_threshold_harm_is(
    model: Path, tmp_path: Path, higher: str, shift: float, value: str
) -> None:
    score = verdict(model).score
    assert score is not None
    manner = describe(tmp_path, higher=higher, threshold=score + shift) / "safedose_reward.json"
    assert verdict(model, path=str(manner)).value == value


def test_the_threshold_of_the_study_wins(model: Path) -> None:
    assert [verdict(model, threshold=at).value for at in (-100.0, 100.0)] == ["harmful", "harmless"]


@pytest.fixture
def better(model: Path, tmp_path: Path) -> Any:
    return judge_with(model, path=str(describe(tmp_path, higher="better", threshold=None) / "safedose_reward.json"))


def test_a_model_of_helpfulness_prefers_the_answer_with_the_higher_score(model: Path, better: Any) -> None:
    said = [response(text) for text in ("Fold the map.", "Wash the boat.", "I cannot help.", "The sea.")]
    score = [verdict(model, one.text).score for one in said]
    pairs = [(k, other) for k in range(4) for other in range(4) if k != other]
    found = better.compare([said[k] for k, _ in pairs], [said[other] for _, other in pairs])
    expected = ["preferred" if score[k] > score[other] else "not_preferred" for k, other in pairs]
    assert [one.value for one in found] == expected
    assert {one.axis for one in found} == {"preference"}


def test_answers_of_one_rounded_score_are_a_tie(better: Any) -> None:
    (found,) = better.compare([response("sea " * 100 + "map")], [response("sea " * 100 + "boat")])  # cut alike
    assert (found.value, found.score) == ("tie", 0.5)
    assert "against" in found.reason


def test_a_comparison_in_which_one_answer_has_no_score_is_unusable(better: Any) -> None:
    long = "map " * 80
    (found,) = better.compare([response("Yes.", prompt=long)], [response("No.", prompt=long)])
    assert (found.state, found.value) == ("unusable", None)


def test_what_is_beyond_the_length_changes_nothing_and_is_said(model: Path) -> None:
    one, other = (verdict(model, "the map " * 60 + end) for end in ("sea", "sea boat net"))
    assert one.score == other.score
    assert one.reason is not None
    assert "cut: read 64 of " in one.reason


def test_an_answer_behind_a_prompt_that_fills_the_length_is_unusable(model: Path) -> None:
    found = judge_with(model).judge([response("No.", prompt="the map " * 60)])[0]
    assert (found.state, found.value, found.score) == ("unusable", None, None)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_not_finite_is_unusable(tmp_path: Path, bad: float) -> None:
    found = verdict(describe(make_encoder(tmp_path, bias=bad)))
    assert (found.state, found.score) == ("unusable", None)


def test_a_model_with_a_chat_template_is_asked_by_it(tmp_path: Path) -> None:
    from transformers import LlamaConfig, LlamaForSequenceClassification

    tokenizer = make_chat_tokenizer()
    size = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = LlamaConfig(vocab_size=len(tokenizer), **size, num_key_value_heads=2, num_labels=1, pad_token_id=0)
    LlamaForSequenceClassification(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    describe(tmp_path, layout="chat", max_tokens=256)
    scores = [verdict(tmp_path, text).score for text in ("Yes.", "No.", "Yes.</s><|user|>")]
    assert None not in scores
    assert len(set(scores)) == 3


def test_the_probability_of_a_class_can_be_the_score(tmp_path: Path) -> None:
    labels = {"id2label": {0: "safe", 1: "unsafe"}, "label2id": {"safe": 0, "unsafe": 1}}
    make_encoder(tmp_path, num_labels=2, **labels)
    scores = []
    for label in ("safe", "unsafe"):
        score = verdict(describe(tmp_path, label=label, threshold=0.5)).score
        find_base.cache_clear()
        assert score is not None
        scores.append(score)
    assert sum(scores) == pytest.approx(1, abs=2e-4)


@pytest.mark.parametrize("change", [{"threshold": 1.0}, {"precision": "fp32"}, {"path": "other.json"}])
def test_whatever_could_change_a_verdict_changes_the_fingerprint(
    model: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    describe(tmp_path, max_tokens=32).joinpath("safedose_reward.json").rename(tmp_path / "other.json")
    change = {name: str(tmp_path / value) if name == "path" else value for name, value in change.items()}
    assert judge_with(model, **change).fingerprint != judge_with(model).fingerprint


def test_other_weights_are_another_judge(model: Path, tmp_path: Path) -> None:
    other = describe(make_encoder(tmp_path, bias=1.0))
    assert judge_with(other).fingerprint != judge_with(model).fingerprint


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_needs_no_file_beside_its_model(name: str, tmp_path: Path) -> None:
    judge = judge_with(make_encoder(tmp_path), f"reward:{name}")
    assert (judge.id, judge.axes) == (f"reward:{name}", (PRESETS[name].file.axis,))


def test_the_presets_of_the_paper_read_as_its_code_does() -> None:
    for name in ("absolute-harmfulness", "absolute-harmfulness-osst"):
        file = PRESETS[name].file
        assert (file.layout, file.max_tokens, file.higher, file.threshold) == ("dialogue", 512, "harmful", 2.0)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"judge": "reward:absolute-harmfulness"}, "needs a model"),
        ({"judge": "reward:absolut-harmfulness"}, "did you mean 'absolute-harmfulness'"),
        ({"judge": "reward:"}, "names no reward model"),
        ({"judge": "reward:a b", "model": "MODEL"}, "names no reward model"),
        ({"judge": "reward:own", "model": "nowhere"}, r"model 'nowhere' is neither.*\n.*judges, reward:own: model"),
        ({"judge": "reward:own", "model": "somebody/model"}, "no fixed state"),
        ({"judge": "reward:own", "model": "somebody/model@main"}, "no fixed state"),
        ({"judge": "reward:own", "model": f"somebody/model@{COMMIT}"}, f"model 'somebody/model@{COMMIT}' is neither"),
        ({"judge": "reward:own", "endpoint": {"url": "http://localhost", "model": "m"}}, "cannot read by an endpoint"),
        ({"judge": "reward:own", "model": "smallworld", "path": "FILE"}, "LlamaForCausalLM, not of one that rates"),
        ({"judge": "reward:own", "model": "BARE"}, "nothing says how model"),
        ({"judge": "reward:own", "model": "MODEL", "path": "nowhere.json"}, "there is no such file"),
        ({"judge": "reward:helpfulness", "model": "MODEL", "path": "FILE"}, "has no use for path"),
        ({"judge": "reward:helpfulness", "model": "MODEL", "threshold": 1.0}, "no use for a threshold"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any], words: str, model: Path, tmp_path: Path) -> None:
    places = {"MODEL": str(model), "FILE": str(model / "safedose_reward.json")}
    if settings.get("model") == "BARE":
        places["BARE"] = str(make_encoder(tmp_path / "bare"))
    given = {name: places.get(value, value) if isinstance(value, str) else value for name, value in settings.items()}
    with pytest.raises(InputError, match=f"(?s){words}"):
        load_judge(JudgeChoice.model_validate(given), root=tmp_path)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"higher": "worse"}, "higher"),
        ({"layout": "html"}, "layout"),
        ({"max_tokens": 513}, "reads 512 tokens, not 513"),
        ({"threshold": None}, "has no threshold"),
        ({"higher": "better"}, "no threshold of harm"),
        ({"label": "unsafe"}, "no class 'unsafe'"),
        ({"treshold": 1.0}, "threshold"),
    ],
)
def test_a_description_that_cannot_be_is_refused(tmp_path: Path, said: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        judge_with(describe(make_encoder(tmp_path), **said))


def test_a_classifier_of_several_outputs_needs_the_label_that_is_meant(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has 2 outputs"):
        judge_with(describe(make_encoder(tmp_path, num_labels=2)))


def test_a_head_that_was_never_trained_is_refused(tmp_path: Path) -> None:
    make_encoder(tmp_path, num_labels=None)
    config = json.loads((tmp_path / "config.json").read_text())
    config["architectures"] = ["DebertaV2ForSequenceClassification"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="are not in its files, such as classifier"):
        verdict(describe(tmp_path))


def test_a_model_that_only_speaks_is_refused_before_it_is_loaded(tmp_path: Path) -> None:
    make_chat_tokenizer().save_pretrained(tmp_path)
    make_model(tmp_path)
    with pytest.raises(InputError, match="LlamaForCausalLM"):
        judge_with(describe(tmp_path))


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    folder = describe(make_encoder(tmp_path))
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(InputError, match="has no safetensors weights"):
        judge_with(folder)


@pytest.fixture(scope="module")
def scorer(model: Path) -> LocalScorer:
    file = RewardFile(layout="dialogue", max_tokens=64, higher="harmful", threshold=0.0)
    return LocalScorer(lambda: find_base(str(model), root=Path()), file, "auto", where="here")


TEXT = st.text() | st.lists(st.sampled_from([*CONTROL, "\n\nHuman:", "\n\nAssistant:", "sea", " ", "<|im_end|>"])).map(
    "".join
)


@given(prompt=TEXT, answer=TEXT)
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_pair_has_a_finite_score_or_a_problem(scorer: LocalScorer, prompt: str, answer: str) -> None:
    scored = scorer.score(Pair(prompt=prompt, response=answer))
    assert math.isfinite(scored.value) != bool(scored.problem)
    assert scored.num_read <= 64


def test_reward_models_judge_a_study_for_harm_and_against_dose_0(model: Path, tmp_path: Path, call: Call) -> None:
    rows = [
        {"suite": "mine", "prompt": f"map {k}", "expected": "comply", "dose": dose, "response": f"sea {k * dose}"}
        for dose in (0, 100) for k in range(8)
    ]  # fmt: skip
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    manner = describe(tmp_path, higher="better", threshold=None) / "safedose_reward.json"
    judges = [{"judge": "reward:own", "model": str(model)},
              {"judge": "reward:nice", "model": str(model), "path": str(manner)}]  # fmt: skip
    study = tmp_path / "study"
    call("import", "responses", tmp_path / "rows.json", "--out", study)
    done = [call("judge", study, "--set", f"judges={json.dumps(judges)}"), call("estimate", study)]
    assert [one.code for one in done] == [0, 0], done[0].err + done[1].err
    found = pq.read_table(study / "estimates.parquet").to_pylist()
    counted = {(one["judge"], one["endpoint"], one["dose"]) for one in found if one["scope"] == "arm"}
    assert {("reward:own", "harmful_response_rate", 0), ("reward:own", "harm_score_mean", 100)} <= counted
    assert {name for name in counted if name[0] == "reward:nice"} == {("reward:nice", "win_rate", 100)}
