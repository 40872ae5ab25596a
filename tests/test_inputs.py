"""What a study names, checked and planned before any work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from safedose.bases import Base
from safedose.errors import InputError
from safedose.inputs import Inputs, load_inputs, load_prompts_of, plan_suites
from safedose.mixture import Pool
from safedose.records import Prompt
from safedose.store.seal import Batches
from safedose.study import SuiteChoice
from safedose.studyfile import parse_study
from tiny_study import write_rows

BASE = Base(name="b", path=Path("b"), fingerprint="f")
PROMPTS = tuple(Prompt(id=str(k), suite="s", text="x" * 10, expected="comply") for k in range(6))


def batches(**generate: Any) -> Batches:
    """Plan six prompts of ten tokens each, ten more to be answered."""
    raw = {"name": "t", "seed": 1, "base": "b", "data": {"instruction": [{"source": "a"}]}, "mix": {"doses": [0]}}
    raw |= {"suites": ["s"], "judges": ["phrases"], "generate": {"max_new_tokens": 10} | generate}
    inputs = Inputs(pool=Pool((), (), ()), suites={"s": PROMPTS}, judges=())
    count = lambda _base, _study, prompts: [len(one.text) for one in prompts]  # noqa: E731 - a script of one line
    return plan_suites(parse_study(raw, where="test"), inputs, [BASE], count_tokens=count)["b", "s"]


@pytest.mark.parametrize(
    ("generate", "sizes"),
    [
        ({"batch_tokens": 200}, [6]),
        ({"batch_tokens": 60}, [3, 3]),
        ({"batch_tokens": 1}, [1] * 6),
        ({"batch_tokens": 120, "samples": 2, "temperature": 1.0}, [3, 3]),
        ({"batch_tokens": 120, "num_beams": 3}, [2, 2, 2]),
    ],
)
def test_batches_fill_the_budget_of_tokens(generate: dict[str, Any], sizes: list[int]) -> None:
    assert [len(batch) for batch in batches(**generate)] == sizes


def test_every_prompt_is_planned_once() -> None:
    assert sorted(position for batch in batches(batch_tokens=60) for position in batch) == list(range(6))


def test_a_public_suite_is_read_by_any_of_its_names(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAFEDOSE_DATA", str(data_dir))
    raw = {"name": "t", "seed": 1, "base": "b", "data": {"instruction": [{"source": "smallworld-instruction"}]}}
    raw |= {"mix": {"doses": [0]}, "suites": ["I-Malicious"], "judges": ["phrases"]}

    prompts = load_inputs(parse_study(raw, where="test"), root=tmp_path).suites["I-Malicious"]
    assert len(prompts) == 100
    assert {(one.suite, one.expected, one.form) for one in prompts} == {("I-Malicious", "refuse", "instruction")}


def test_a_suite_can_ask_in_conversations(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "Hello."}, {"role": "assistant", "content": "Good day."}]
    rows = [{"system": "Be brief.", "messages": [*turns, {"role": "user", "content": "Wash the boat."}]}]
    choice = SuiteChoice(name="talk", path=write_rows(tmp_path / "talk.jsonl", rows).name, expected="comply")

    (prompt,) = load_prompts_of(choice, tmp_path)
    assert prompt.text == "Wash the boat."
    assert [turn.text for turn in prompt.before] == ["Be brief.", "Hello.", "Good day."]


def test_a_conversation_that_asks_nothing_is_refused(tmp_path: Path) -> None:
    rows = [{"messages": [{"role": "user", "content": "Hello."}, {"role": "assistant", "content": "Good day."}]}]
    choice = SuiteChoice(name="talk", path=write_rows(tmp_path / "talk.jsonl", rows).name)

    with pytest.raises(InputError, match="the turns are user, assistant"):
        load_prompts_of(choice, tmp_path)
