"""How fast the overlap check is, in how much memory, what it finds and what it finds that is not there.

Run it with `python benchmarks/overlap.py [ROWS PROMPTS]`: 50,000 training rows against 20,000 prompts by default, on
one core. Prompts and rows are drawn from 8,000 words by Zipf's law, so that nothing but what is planted should match;
400 prompts are planted in a row of their own, 50 in each way: those spelt nearly the same have fewer than 13 words and
80 letters or more. Then 5,000 requests made from one sentence with four gaps are compared with 5,000 others, and, where
SAFEDOSE_DATA names the folder of real data, real rows with real prompts of other origin: every pair that is reported
there is counted as false.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from safedose.data.hidden import find_hidden
from safedose.data.overlap import Match, find_matches
from safedose.judging.phrases import Phrases
from safedose.records import Example, Prompt

RNG = np.random.default_rng(7)
NUM_PLANTED = 50  # prompts per way of planting
FRONT, BACK = "Please read this first and then answer it:", "Give reasons for every step you take."

PLANTS: dict[str, Callable[[str], str]] = {
    "exact": str,
    "case": str.upper,
    "spacing": lambda text: "  " + text.replace(" ", " \n\u00a0"),
    "punctuation": lambda text: f"\u201c{text.replace(' ', ', ', 3)}\u201d...",
    "13-gram": lambda text: f"{FRONT} {text} {BACK}",
    "13-gram, part": lambda text: f"{FRONT} {' '.join(text.split()[3:16])} {BACK}",
    "13-gram in an answer": str,
    "near (one letter)": lambda text: f"{text[:30]}\u00e9{text[31:]}",
}


def words() -> list[str]:
    """Make 8,000 words of two to ten letters."""
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    return ["".join(RNG.choice(letters, RNG.integers(2, 11))) for _ in range(8000)]


def sentences(num: int, low: int, high: int, known: Sequence[str]) -> list[str]:
    """Draw texts of `low` to `high` words, frequent words first as in real texts."""
    weights = 1 / np.arange(1, len(known) + 1)
    lengths = RNG.integers(low, high + 1, num)
    drawn = iter(RNG.choice(len(known), int(lengths.sum()), p=weights / weights.sum()).tolist())
    return [" ".join(known[next(drawn)] for _ in range(length)) for length in lengths]


def prompt(number: int, text: str) -> Prompt:
    """Make a prompt of the one suite there is."""
    return Prompt(id=str(number), suite="suite", text=text, expected="either")


def row(number: int, text: str, answer: str) -> Example:
    """Make a row of the one source there is."""
    return Example(
        item=str(number), prompt=text, response=answer, source="rows", row=number, licence="", category="",
        form="instruction",
    )  # fmt: skip


def timed(rows: Sequence[Example], prompts: Sequence[Prompt]) -> tuple[tuple[Match, ...], float]:
    """Compare, and say how many seconds it took."""
    began = time.perf_counter()
    return find_matches([("instruction", one) for one in rows], prompts), time.perf_counter() - began


def planted(num_rows: int, num_prompts: int) -> None:
    """Print time, memory, what was found of what was planted, and the rest."""
    known = words()
    asked = sentences(num_prompts, 8, 30, known)
    answers = sentences(num_rows, 20, 120, known)
    users = sentences(num_rows, 5, 40, known)
    long = [k for k, text in enumerate(asked) if len(text.split()) >= 18]
    brief = [k for k, text in enumerate(asked) if len(text.split()) <= 12 and len(text) >= 80]
    truth: dict[tuple[str, int], str] = {}
    for number, (name, change) in enumerate(PLANTS.items()):
        for k in range(NUM_PLANTED):
            where = number * NUM_PLANTED + k
            which = brief[k] if name.startswith("near") else long[where]
            texts = answers if name == "13-gram in an answer" else users
            texts[where] = change(asked[which])
            truth[str(which), where] = name
    rows = [row(k, *texts) for k, texts in enumerate(zip(users, answers, strict=True))]
    found, seconds = timed(rows, [prompt(k, text) for k, text in enumerate(asked)])
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{num_rows:,} rows, {num_prompts:,} prompts: {seconds:.1f} s, peak {megabytes:.0f} MB, one process")
    pairs = {(match.prompt, match.row): match for match in found}
    seen = Counter((truth[pair], match.level) for pair, match in pairs.items() if pair in truth)
    for name in PLANTS:
        levels = {level: num for (planted_as, level), num in seen.items() if planted_as == name}
        print(f"  planted, {name:22} {sum(levels.values()):3} of {NUM_PLANTED} found, as {levels}")
    false_alarms("random pairs", pairs.keys() - truth.keys(), num_rows * num_prompts, num_prompts)


def false_alarms(what: str, pairs: set[tuple[str, int]], num_pairs: int, num_prompts: int) -> None:
    """Print how many pairs were reported that should not have been, and of how many prompts."""
    prompts = len({one for one, _ in pairs})
    print(
        f"  {what}: {len(pairs)} of {num_pairs:,} pairs reported ({len(pairs) / num_pairs:.1e}), "
        f"of {prompts} prompts ({prompts / num_prompts:.3%})"
    )


def one_sentence(num: int) -> None:
    """Print the same for different requests in one sentence: the hardest case for time and for false alarms."""
    known = words()
    made = [f"Please tell me how a {a} can {b} the {c} of a {d}." for a, b, c, d in RNG.choice(known, (2 * num, 4))]
    found, seconds = timed(
        [row(k, text, "Yes.") for k, text in enumerate(made[:num])],
        [prompt(k, text) for k, text in enumerate(made[num:])],
    )
    print(f"{num:,} rows, {num:,} prompts, all made from one sentence: {seconds:.1f} s")
    false_alarms("different requests", {(match.prompt, match.row) for match in found}, num * num, num)


def real(folder: Path) -> None:
    """Print false alarms between real rows and prompts of other origin, and how many rows look like safety rows."""
    safe = folder / "instructions" / "LLM-Tuning-Safety__LLMs-Finetuning-Safety"
    paper = folder / "paper" / "vinid__safety-tuned-llamas"
    dolly = (safe / "dolly_dataset" / "databricks-dolly-15k-safety-only.jsonl").read_text().splitlines()
    sources = {
        "alpaca, keyword subset": json.loads((safe / "alpaca_dataset" / "alpaca_data_safety_only.json").read_text()),
        "dolly, keyword subset": [json.loads(line) for line in dolly],
        "alpaca demo": json.loads((folder / "instructions/hiyouga__LLaMA-Factory/alpaca_en_demo.json").read_text()),
        "safety rows of the paper": json.loads((paper / "training" / "safety_only_data_Instructions.json").read_text()),
        "self-instruct, davinci": json.loads(
            (folder / "instructions/tatsu-lab__alpaca_eval/text_davinci_003/model_outputs.json").read_text()
        ),
    }
    prompts = [
        prompt(k, text)
        for name in ("I-CoNa", "I-MaliciousInstructions", "I-PhysicalSafetySafe", "I-PhysicalSafetyUnsafe", "Q-Harm")
        for k, text in enumerate(json.loads((paper / "evaluation" / f"{name}.json").read_text())["instructions"])
    ]
    phrases = Phrases()
    for name, found in sources.items():
        rows = [row(k, _asked(one), one.get("output") or one.get("response") or ".") for k, one in enumerate(found)]
        matches, seconds = timed(rows, prompts)
        (hidden,) = find_hidden(rows, (), refuses=lambda text: phrases.opening(text) is not None)
        print(f"{name}: {len(rows):,} rows, {len(prompts)} prompts, {seconds:.1f} s")
        false_alarms(
            "pairs of other origin", {(m.prompt, m.row) for m in matches}, len(rows) * len(prompts), len(prompts)
        )
        print(
            f"  safety-like: {len(hidden.refuses)} refuse ({len(hidden.refuses) / len(rows):.1%}), "
            f"{len(hidden.worded)} use words of safety answers ({len(hidden.worded) / len(rows):.1%})"
        )


def _asked(one: dict[str, str]) -> str:
    return "\n\n".join(part for part in (one["instruction"], one.get("input", "")) if part)


if __name__ == "__main__":
    planted(*(int(given) for given in sys.argv[1:3] or ("50000", "20000")))
    one_sentence(5000)
    if "SAFEDOSE_DATA" in os.environ:
        real(Path(os.environ["SAFEDOSE_DATA"]))
