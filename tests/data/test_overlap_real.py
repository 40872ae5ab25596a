"""What is known of real training files and suites: the overlaps that are there, and the ones that are not."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from safedose.data.hidden import find_hidden
from safedose.data.overlap import find_matches
from safedose.judging.phrases import Phrases
from safedose.records import Example
from training_rows import examples, prompts

SUBSETS = Path("instructions", "LLM-Tuning-Safety__LLMs-Finetuning-Safety")
ALPACA = SUBSETS / "alpaca_dataset" / "alpaca_data_safety_only.json"
DEMO = Path("instructions", "hiyouga__LLaMA-Factory", "alpaca_en_demo.json")
PAPER = Path("paper", "vinid__safety-tuned-llamas")
SAFETY = PAPER / "training" / "safety_only_data_Instructions.json"
PAPER_SUITES = (
    "I-CoNa", "I-Controversial", "I-MaliciousInstructions", "I-PhysicalSafetySafe", "I-PhysicalSafetyUnsafe", "Q-Harm",
    "I-Alpaca",
)  # fmt: skip


def rows(file: Path) -> list[Example]:
    """Read Alpaca's columns, or Dolly's."""
    text = file.read_text(encoding="utf-8")
    found = json.loads(text) if file.suffix == ".json" else list(map(json.loads, text.splitlines()))
    return examples(*((asked(one), one.get("output") or one.get("response") or ".") for one in found))


def asked(row: dict[str, Any]) -> str:
    return "\n\n".join(filter(None, (row["instruction"], row.get("input"))))


def suite(data_dir: Path, name: str) -> list[str]:
    return json.loads((data_dir / PAPER / "evaluation" / f"{name}.json").read_text(encoding="utf-8"))["instructions"]


def overlap(rows: Iterable[Example], texts: list[str]) -> Counter[str]:
    """Count prompts by the strongest level at which any row has them."""
    strongest = {
        match.prompt: match.level for match in find_matches([("instruction", e) for e in rows], prompts(texts))
    }
    return Counter(strongest.values())


@pytest.mark.parametrize(("file", "num"), [(ALPACA, 6), (DEMO, 1)])
def test_i_alpaca_shares_prompts_with_alpaca(data_dir: Path, file: Path, num: int) -> None:
    assert overlap(rows(data_dir / file), suite(data_dir, "I-Alpaca")) == {"exact": num}


def test_q_harm_shares_15_prompts_with_the_first_turns_of_hh_rlhf(data_dir: Path) -> None:
    with gzip.open(data_dir / "paper/anthropics__hh-rlhf/harmless-base/test.jsonl.gz", "rt", encoding="utf-8") as file:
        dialogues = [json.loads(line)["chosen"] for line in file]
    first = [one.split("\n\nHuman: ")[1].split("\n\nAssistant:")[0] for one in dialogues]

    assert overlap(examples(*first), suite(data_dir, "Q-Harm")).total() == 15


def test_the_papers_safety_rows_stand_in_no_suite(data_dir: Path) -> None:
    harm, columns = data_dir / "harm_prompts", {"newline": "", "encoding": "utf-8"}
    texts = [text for name in PAPER_SUITES for text in suite(data_dir, name)]
    with (data_dir / "over_refusal/paul-rottger__exaggerated-safety/xstest_prompts.csv").open(**columns) as file:
        texts += [row["prompt"] for row in csv.DictReader(file)]
    with (harm / SUBSETS.name / "safety_evaluation/data/harmful_behaviors.csv").open(**columns) as file:
        texts += [row[0] for row in csv.reader(file)]
    with (harm / "busycalibrating__AdversariaLLM/harmbench_behaviors_text_all.csv").open(**columns) as file:
        texts += [row["Behavior"] for row in csv.DictReader(file)]

    assert (len(texts), overlap(rows(data_dir / SAFETY), texts)) == (2038, {})


def test_alpaca_eval_contains_144_of_the_180_koala_prompts(data_dir: Path) -> None:
    folder = data_dir / "instructions"
    koala = (folder / "arnav-gudibande__koala-test-set/koala_test_set.jsonl").read_text(encoding="utf-8").splitlines()
    found = overlap(
        rows(folder / "tatsu-lab__alpaca_eval/text_davinci_003/model_outputs.json"),
        [json.loads(line)["prompt"] for line in koala],
    )

    assert found["exact"] == 144


@pytest.mark.parametrize(
    ("file", "refuses", "worded"),
    [
        (ALPACA, 14, 1647),  # of 1,904
        (SUBSETS / "dolly_dataset" / "databricks-dolly-15k-safety-only.jsonl", 3, 330),  # of 387
        (DEMO, 31, 136),  # of 999
        (SAFETY, 2033, 2273),  # of 2,483
    ],
)
def test_real_files_hold_so_many_safety_like_rows(data_dir: Path, file: Path, refuses: int, worded: int) -> None:
    phrases = Phrases()
    (found,) = find_hidden(rows(data_dir / file), (), refuses=lambda text: phrases.opening(text) is not None)

    assert (len(found.refuses), len(found.worded)) == (refuses, worded)
