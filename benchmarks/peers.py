"""The same small study by safedose and by two kinds of scripts, side by side; and one arm alone, in pairs.

    python benchmarks/peers.py study     # ours, the paper's released scripts, TRL used carefully: a process an arm
    python benchmarks/peers.py tune      # one adapter: SftTuner and TRL's SFTTrainer used directly, in turn
    python benchmarks/peers.py generate  # one adapter's answers: LocalGenerator and transformers, batched, in turn

Everybody has the same base, rows, prompts, steps, LoRA and learning rate, the same threads and no network. Sides take
turns and never run at once. `study` counts every start of Python; ours is the whole of `safedose run`, with planning,
mixing, three judges, estimates and the report, which nobody else does. The released scripts answer with 4 beams, ours
and the careful user greedily, as the demo; lines of their own say what each is with the other's decoding.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from one_arm import compare_generation, compare_tuning

from safedose import commands, starting
from safedose.bases import find_base
from safedose.codec import read_records
from safedose.plainyaml import read_yaml
from safedose.progress import Watch
from safedose.records import MixedRow, Prompt, Response
from safedose.store import StudyFolder
from safedose.study import Study
from safedose.studyfile import parse_study, read_study
from safedose.suites.catalogue import load_suite

SCRIPTS = Path(__file__).with_name("peer_scripts.py")
DOSES = (0, 160, 30, 15)
"""Of the demo; as many as there are arms."""


class Spent(NamedTuple):
    """What a run took: seconds by the clock, and seconds of processors, which other work on the machine spares."""

    wall: float
    cpu: float


@dataclass(frozen=True, kw_only=True)
class Side:
    """One side of the comparison in one round: what it took in all, of that for tuning and answering, tokens made."""

    spent: Spent
    tune: float
    generate: float
    num_new_tokens: int


def settings(arguments: argparse.Namespace) -> list[str]:
    """Say how the study differs from the demo: in the number of arms, and where asked for in size."""
    demo = parse_study(read_yaml(starting.recipe("smallworld"), where="demo"), where="demo")
    suites = [{"name": suite.name, "limit": arguments.prompts} for suite in demo.suites]
    return [
        f"mix.doses={json.dumps(DOSES[: arguments.arms])}", "mix.also=[]", "mix.seeds=1",
        f'data.instruction=[{{"source": "smallworld-instruction", "rows": {arguments.rows}}}]',
        f"suites={json.dumps(suites)}",
    ]  # fmt: skip


def environment(threads: int) -> dict[str, str]:
    """Give all sides the same processors and no network."""
    quiet = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "TOKENIZERS_PARALLELISM": "false"}
    return os.environ | quiet | {"OMP_NUM_THREADS": str(threads), "PYTHONWARNINGS": "ignore"}


def start(*words: str, threads: int) -> Spent:
    """Run Python to its end."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, *words], env=environment(threads), check=False, capture_output=True, text=True
    )
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - began
    if done.returncode not in (0, 3):  # 3: no dose meets the criteria, which a study this small may find
        sys.exit(f"{words[:3]} failed:\n{done.stderr[-3000:]}")
    return Spent(wall, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


def ours(root: Path, arguments: argparse.Namespace, *more: str) -> Side:
    """Do the study with `safedose run`."""
    file, _ = starting.init(root, "smallworld")
    chosen = [word for setting in (*settings(arguments), *more) for word in ("--set", setting)]
    spent = start("-m", "safedose", "run", str(file), *chosen, threads=arguments.threads)
    folder = StudyFolder(root)
    seconds = folder.events()[-1]["seconds"]
    answers = [
        response
        for arm in folder.tuned_arms()
        for suite in folder.suites(arm)
        for response in read_records(folder.responses(arm, suite).committed(), Response)
    ]
    num_tokens = sum(response.num_tokens or 0 for response in answers)
    return Side(spent=spent, tune=seconds["tune"], generate=seconds["generate"], num_new_tokens=num_tokens)


def theirs(
    way: str, root: Path, task: Path, mixtures: Sequence[Path], arguments: argparse.Namespace
) -> dict[str, Side]:
    """Do the study with a script, a process an arm; gives a side per decoding, as if it had done that one only.

    No arm knows of another, so where only some are made, the seconds of the rest follow from theirs: by the number
    of rows for tuning, by the number of arms for all else.
    """
    made, done = {}, mixtures[: arguments.peer_arms]
    reports, spent = [], []
    for rows in done:
        (out := root / rows.stem).mkdir(parents=True)
        spent.append(start(str(SCRIPTS), way, str(task), str(rows), str(out), threads=arguments.threads))
        reports.append(json.loads((out / "report.json").read_text(encoding="utf-8")))
    wall, cpu = (sum(one[i] for one in spent) for i in (0, 1))
    num_rows = [len(rows.read_text(encoding="utf-8").splitlines()) for rows in mixtures]
    more_rows, more_arms = sum(num_rows) / sum(num_rows[: len(done)]), len(mixtures) / len(done)
    tune = sum(report["tune"] for report in reports)
    answering = {name: sum(report["generate"][name] for report in reports) for name in reports[0]["generate"]}
    for name, generate in answering.items():
        whole = more_rows * tune + more_arms * (generate + wall - tune - sum(answering.values()))
        made[name] = Side(
            spent=Spent(whole, whole * cpu / wall),  # processors are taken to be as busy throughout
            tune=more_rows * tune, generate=more_arms * generate,
            num_new_tokens=round(more_arms * sum(report["num_new_tokens"][name] for report in reports)),
        )  # fmt: skip
    return made


def hand_over(root: Path, arguments: argparse.Namespace) -> tuple[Path, list[Path]]:
    """Mix the study once, untimed, and write what the scripts are given: a task, and a file of rows per arm."""
    file, _ = starting.init(root / "mixed", "smallworld")
    folder = commands.run_stage("mix", file.parent, settings(arguments), Watch(quiet=True))
    study = read_study(file, overrides=settings(arguments))
    mixtures = []
    for arm in folder.tuned_arms():
        rows = read_records(folder.mixture(arm).committed(), MixedRow)
        mixtures.append(root / f"{arm.id}.jsonl")
        lines = [json.dumps({"prompt": row.example.prompt, "response": row.example.response}) for row in rows]
        mixtures[-1].write_text("\n".join(lines), encoding="utf-8")
    prompts = [prompt.text for prompt in ask(study)]
    task = root / "task.json"
    task.write_text(json.dumps(make_task(study, prompts) | {"decodings": arguments.decodings}), encoding="utf-8")
    return task, mixtures


def ask(study: Study) -> list[Prompt]:
    """List the prompts of all suites, as the study asks them."""
    return [prompt for suite in study.suites for prompt in load_suite(suite.name)[: suite.limit]]


def make_task(study: Study, prompts: Sequence[str]) -> dict[str, Any]:
    """Say in plain values what a script needs to know."""
    base = find_base("smallworld", root=Path())
    return study.tune.model_dump() | {
        "base": str(base.path), "seed": study.seed, "max_new_tokens": study.generate.max_new_tokens,
        "prompts": list(prompts),
    }  # fmt: skip


def compare_studies(root: Path, arguments: argparse.Namespace) -> None:
    """Let the sides do the study in turn."""
    task, mixtures = hand_over(root, arguments)
    rounds: list[dict[str, Side]] = []
    for number in range(arguments.repeat):
        here, found = root / f"round-{number}", {}
        for side in (*arguments.peers, "ours") if number % 2 else ("ours", *arguments.peers):
            if side != "ours":
                made = theirs(side, here / side, task, mixtures, arguments)
                found |= {f"{side}, {name}": one for name, one in made.items()}
            else:
                found["safedose, greedy"] = ours(here / "greedy", arguments)
                if "4 beams" in arguments.decodings:
                    found["safedose, 4 beams"] = ours(here / "beams", arguments, "generate.num_beams=4")
            took = ", ".join(f"{name} {one.spent.wall:.1f} s ({one.spent.cpu:.1f})" for name, one in found.items())
            print(f"round {number}: {took}", flush=True)
        rounds.append(found)
    tell(rounds, task, arguments)


def tell(rounds: Sequence[dict[str, Side]], task: Path, arguments: argparse.Namespace) -> None:
    """Print the median of each side, and its ratio to ours round by round."""
    num_prompts = len(json.loads(task.read_text(encoding="utf-8"))["prompts"])
    print(f"{arguments.arms} arms, {arguments.rows} instruction rows and {num_prompts} prompts each; scripts made "
          f"{arguments.peer_arms}; medians of {arguments.repeat}; in brackets: processors")  # fmt: skip
    for name in rounds[0]:
        parts = {
            part: statistics.median(getattr(found[name], part) for found in rounds) for part in ("tune", "generate")
        }
        wall, cpu = (statistics.median(found[name].spent[i] for found in rounds) for i in (0, 1))
        rest = wall - sum(parts.values())
        print(f"{name:<20} {wall:7.1f} s ({cpu:6.1f}): tune {parts['tune']:6.1f}, generate {parts['generate']:6.1f}, "
              f"starts and the rest {rest:5.1f}; {rounds[0][name].num_new_tokens:,} tokens answered")  # fmt: skip
    theirs_only = [name for name in rounds[0] if not name.startswith("safedose")]
    pairs = [(name, "safedose, greedy") for name in theirs_only]
    pairs += [(name, "safedose, 4 beams") for name in theirs_only if "4 beams" in name]
    for name, mine in pairs:
        wall, cpu = ([found[name].spent[i] / found[mine].spent[i] for found in rounds] for i in (0, 1))
        print(f"{name} / {mine}: {statistics.median(wall):.2f} x ({min(wall):.2f} to {max(wall):.2f}), "
              f"processors {statistics.median(cpu):.2f} x")  # fmt: skip


def compare_arms(root: Path, arguments: argparse.Namespace) -> None:
    """Compare tuning or generation of one arm, in pairs in this process."""
    import torch

    torch.set_num_threads(arguments.threads)
    file, _ = starting.init(root / "mixed", "smallworld")
    commands.run_stage("mix", file.parent, settings(arguments), Watch(quiet=True))
    study = read_study(file, overrides=settings(arguments))
    folder = StudyFolder(file.parent)
    arm = max(folder.tuned_arms(), key=lambda one: one.dose)
    rows = tuple(read_records(folder.mixture(arm).committed(), MixedRow))
    prompts = ask(study)
    compare = compare_tuning if arguments.part == "tune" else compare_generation
    task = make_task(study, [prompt.text for prompt in prompts])
    compare(root, study, rows=rows, prompts=prompts, task=task, repeat=arguments.repeat)


def main() -> None:
    """Read the arguments, then compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("study", "tune", "generate"))
    parser.add_argument("--arms", type=int, default=4, choices=range(1, len(DOSES) + 1), help="arms of the study")
    parser.add_argument("--peer-arms", type=int, help="arms that each script makes; the rest is reckoned from them")
    parser.add_argument("--rows", type=int, default=1500, help="instruction rows of an arm; 1500 as in the demo")
    parser.add_argument("--prompts", type=int, help="prompts of each suite, at most; all as in the demo")
    parser.add_argument("--repeat", type=int, default=1, help="rounds, of which medians are taken")
    parser.add_argument("--threads", type=int, default=2, help="threads of every side")
    parser.add_argument("--peers", nargs="*", default=["released", "careful"], choices=("released", "careful"))
    parser.add_argument("--decodings", nargs="*", default=["greedy", "4 beams"], choices=("greedy", "4 beams"))
    arguments = parser.parse_args()
    arguments.peer_arms = min(arguments.peer_arms or arguments.arms, arguments.arms)
    os.environ.update(environment(arguments.threads))
    print(f"load before: {' '.join(f'{load:.2f}' for load in os.getloadavg())}")
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        (compare_studies if arguments.part == "study" else compare_arms)(Path(name), arguments)
    print(f"load after:  {' '.join(f'{load:.2f}' for load in os.getloadavg())}")


if __name__ == "__main__":
    main()
