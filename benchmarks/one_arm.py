"""One arm alone, in pairs: ours and a library used directly take turns in one process, the first round is not counted.

Part of `peers.py`. Both sides begin with files on disk (base, and to generate also the adapter) and end with what they
leave: an adapter on disk, or texts. So loading, tokenising, probes and checkpoints are in ours.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import peer_scripts

from safedose.bases import find_base
from safedose.checkpoints import Checkpoints
from safedose.generation.local import LocalGenerator, count_tokens, plan_batches
from safedose.records import MixedRow, Mixture, Prompt
from safedose.study import Study
from safedose.tuning.rows import RowMaker
from safedose.tuning.sft import SftTuner

Job = Callable[[Path], int]
"""Does the work once, leaving things in a new folder; says how many steps or tokens it was."""


def in_turn(root: Path, jobs: dict[str, Job], *, repeat: int) -> None:
    """Run the jobs in turn, each round in another order, and print medians and the ratio of each to the first."""
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in jobs}
    amount: dict[str, int] = {}
    for number in range(repeat + 1):
        names = list(jobs)
        turned = names[number % len(names) :] + names[: number % len(names)]
        for name in turned:
            (folder := root / f"{number}-{names.index(name)}").mkdir()
            began = time.perf_counter(), time.process_time()
            amount[name] = jobs[name](folder)
            spent[name].append((time.perf_counter() - began[0], time.process_time() - began[1]))
        print(f"round {number}: " + ", ".join(f"{name} {spent[name][-1][1]:.2f}" for name in names), flush=True)
    first = spent[next(iter(jobs))][1:]
    for name, seconds in spent.items():
        ratios = [[own[i] / our[i] for own, our in zip(seconds[1:], first, strict=True)] for i in (0, 1)]
        wall, cpu = (statistics.median(one[i] for one in seconds[1:]) for i in (0, 1))
        print(f"{name:<34} {wall:7.2f} s, {statistics.median(ratios[0]):5.2f} x ({min(ratios[0]):.2f} to "
              f"{max(ratios[0]):.2f}); processors {cpu:7.2f} s, {statistics.median(ratios[1]):5.2f} x "
              f"({min(ratios[1]):.2f} to {max(ratios[1]):.2f}); {amount[name]:,}")  # fmt: skip


def compare_tuning(
    root: Path, study: Study, *, rows: Sequence[MixedRow], prompts: Sequence[Prompt], task: dict[str, Any], repeat: int
) -> None:
    """Compare `SftTuner` with `SFTTrainer` used directly."""
    del prompts
    mixture = Mixture(arm="arm", rows=tuple(rows), num_step_rows=len(rows))
    plain = [{"prompt": row.example.prompt, "response": row.example.response} for row in rows]
    base = find_base("smallworld", root=root)

    def ours(folder: Path) -> int:
        (out := folder / "adapter").mkdir()
        tuner = SftTuner(base, study.tune)
        checkpoints = Checkpoints(folder / "checkpoints", key="key")
        made = tuner.tune(mixture, out=out, seed=1, advance=lambda _done, _what: None, checkpoints=checkpoints)
        return made.num_steps

    def theirs(folder: Path) -> int:
        _, tokenizer, num_steps, num_tokens = peer_scripts.tune_carefully(task, plain, folder)
        maker = RowMaker(tokenizer, study.tune)
        mine = sum(len(maker.row(row.example)["input_ids"]) for row in rows)
        if num_tokens != mine:
            raise SystemExit(f"TRL trains on {num_tokens} tokens, ours on {mine}")
        return num_steps

    print(f"one adapter on {len(rows)} rows, medians of {repeat} pairs; last: steps")
    in_turn(root, {"SftTuner": ours, "SFTTrainer used directly": theirs}, repeat=repeat)


def compare_generation(
    root: Path, study: Study, *, rows: Sequence[MixedRow], prompts: Sequence[Prompt], task: dict[str, Any], repeat: int
) -> None:
    """Compare `LocalGenerator` with `generate` of transformers on sorted, padded batches."""
    from peft import PeftModel

    plain = [{"prompt": row.example.prompt, "response": row.example.response} for row in rows]
    (adapter := root / "adapter").mkdir()
    peer_scripts.tune_carefully(task, plain, adapter)
    base, settings = find_base("smallworld", root=root), study.generate

    def ours(_: Path) -> int:
        generator = LocalGenerator(base, settings, template=study.tune.template, seed=study.seed)
        lengths = count_tokens(base, study.tune.template, prompts)
        plan = plan_batches(lengths, max_new_tokens=settings.max_new_tokens, batch_tokens=settings.batch_tokens)
        made = [
            response
            for number, batch in enumerate(plan)
            for response in generator.generate([prompts[i] for i in batch], arm="arm", adapter=adapter, batch=number)
        ]
        return sum(response.num_tokens or 0 for response in made)

    def theirs(*, merged: bool, num_beams: int = 1) -> int:
        model, tokenizer = peer_scripts.load(task["base"])
        model = PeftModel.from_pretrained(model, adapter)
        model = model.merge_and_unload() if merged else model
        return peer_scripts.answer(
            task, model, tokenizer, at_once=peer_scripts.ROWS_AT_ONCE, num_beams=num_beams
        )[1]  # fmt: skip

    print(f"{len(prompts)} prompts, medians of {repeat} rounds; last: tokens answered")
    jobs: dict[str, Job] = {
        "LocalGenerator": ours,
        "transformers, batched": lambda _: theirs(merged=False),
        "transformers, adapter merged": lambda _: theirs(merged=True),
    }
    in_turn(root, jobs, repeat=repeat)
