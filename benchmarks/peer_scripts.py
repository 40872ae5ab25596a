"""One arm of a study as others would make it: like the paper's released scripts, or carefully with TRL.

    python benchmarks/peer_scripts.py released|careful TASK.json ROWS.jsonl OUT

`peers.py` starts it, a process an arm, as people run such scripts. It knows nothing of safedose: it is handed the rows
of an arm (`prompt`, `response`), and in TASK.json the base, the prompts and the settings. Answers go to OUT, with
`report.json`: seconds of tuning and of each way to answer, and what was done in them.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

PAPER_BEAMS = 4
PAPER_MICRO_BATCH = 4
"""Defaults of github.com/vinid/safety-tuned-llamas: `generation/generate_answers.py`, `training/finetuninig.py`."""

ROWS_AT_ONCE = 64
"""Prompts that a careful user answers together."""


def load(base: str) -> tuple[Any, Any]:
    """Load a model in 32 bits with its tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    return AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), AutoTokenizer.from_pretrained(base)


def lora(task: dict[str, Any]) -> Any:
    """Say which adapter."""
    from peft import LoraConfig

    return LoraConfig(
        r=task["lora_rank"], lora_alpha=task["lora_alpha"], lora_dropout=task["lora_dropout"],
        target_modules="all-linear", task_type="CAUSAL_LM",
    )  # fmt: skip


def schedule(task: dict[str, Any], out: Path) -> dict[str, Any]:
    """Give what both ways to train share; neither validates, keeps checkpoints or prints."""
    names = ("learning_rate", "warmup_steps", "weight_decay")
    return {
        "output_dir": str(out / "trainer"), "num_train_epochs": task["epochs"], "lr_scheduler_type": task["schedule"],
        "seed": task["seed"], "use_cpu": True, "save_strategy": "no", "report_to": "none", "disable_tqdm": True,
        **{name: task[name] for name in names},
    }  # fmt: skip


def train_quietly(trainer: Any) -> int:
    """Train without lines on the screen; gives the number of steps."""
    from transformers.trainer_callback import PrinterCallback

    trainer.remove_callback(PrinterCallback)
    return int(trainer.train().global_step)


def tune_as_released(task: dict[str, Any], rows: list[dict[str, str]], out: Path) -> tuple[Any, Any, int, int]:
    """Train as the paper's script: the plain Trainer, micro-batches of 4 accumulated to the batch, right after loading.

    Its 8-bit base and fp16 need a GPU, its validation every 25 steps is left out, and the loss sees answers only, as
    in the study: each would cost it time.

    Returns:
        Model with adapter, tokenizer, steps taken, tokens of the rows.
    """
    from datasets import Dataset
    from peft import get_peft_model
    from transformers import DataCollatorForSeq2Seq, Trainer, TrainingArguments

    model, tokenizer = load(task["base"])

    def encode(row: dict[str, str]) -> dict[str, list[int]]:
        asked = [{"role": "user", "content": row["prompt"]}]
        told = [*asked, {"role": "assistant", "content": row["response"]}]
        prompt = tokenizer(tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True),
                           add_special_tokens=False)["input_ids"]  # fmt: skip
        full = tokenizer(tokenizer.apply_chat_template(told, tokenize=False), add_special_tokens=False,
                         truncation=True, max_length=task["max_length"])  # fmt: skip
        return {**full, "labels": [-100] * len(prompt) + full["input_ids"][len(prompt) :]}

    model = get_peft_model(model, lora(task))
    data = Dataset.from_list(rows).map(encode, remove_columns=["prompt", "response"])
    steps = task["batch_size"] // PAPER_MICRO_BATCH
    trainer = Trainer(
        model=model, train_dataset=data,
        args=TrainingArguments(
            per_device_train_batch_size=PAPER_MICRO_BATCH, gradient_accumulation_steps=steps, logging_steps=10,
            optim="adamw_torch", **schedule(task, out),
        ),
        data_collator=DataCollatorForSeq2Seq(tokenizer, pad_to_multiple_of=8, return_tensors="pt", padding=True),
    )  # fmt: skip
    num_steps = train_quietly(trainer)
    model.save_pretrained(out)
    return model, tokenizer, num_steps, sum(map(len, data["input_ids"]))


def tune_carefully(task: dict[str, Any], rows: list[dict[str, str]], out: Path) -> tuple[Any, Any, int, int]:
    """Train with `SFTTrainer` used directly, whole batches at once; see `tune_as_released` for what it returns.

    Of TRL's defaults two would only slow a model of this size down, and are off: gradient checkpointing and bf16.
    """
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    model, tokenizer = load(task["base"])
    pairs = [
        {"prompt": [{"role": "user", "content": row["prompt"]}],
         "completion": [{"role": "assistant", "content": row["response"]}]}
        for row in rows
    ]  # fmt: skip
    trainer = SFTTrainer(
        model=model, processing_class=tokenizer, train_dataset=Dataset.from_list(pairs), peft_config=lora(task),
        args=SFTConfig(
            per_device_train_batch_size=task["batch_size"], max_length=task["max_length"], bf16=False,
            gradient_checkpointing=False, dataloader_pin_memory=False, **schedule(task, out),
        ),
    )  # fmt: skip
    num_steps = train_quietly(trainer)
    trainer.model.save_pretrained(out)
    return trainer.model, tokenizer, num_steps, sum(map(len, trainer.train_dataset["input_ids"]))


def answer(task: dict[str, Any], model: Any, tokenizer: Any, *, at_once: int, num_beams: int) -> tuple[list[str], int]:
    """Answer the prompts, so many at once (similar lengths together), padded on the left.

    Returns:
        Answers in the order of the prompts, and how many tokens they have together.
    """
    import torch
    from transformers import GenerationConfig

    model.eval()
    tokenizer.padding_side = "left"
    decoding = GenerationConfig(
        max_new_tokens=task["max_new_tokens"], num_beams=num_beams, do_sample=False,
        pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    asked = [
        tokenizer.apply_chat_template([{"role": "user", "content": text}], tokenize=False, add_generation_prompt=True)
        for text in task["prompts"]
    ]
    order = range(len(asked)) if at_once == 1 else sorted(range(len(asked)), key=lambda i: -len(asked[i]))
    said, num_tokens = [""] * len(asked), 0
    for start in range(0, len(asked), at_once):
        chosen = list(order[start : start + at_once])
        batch = tokenizer([asked[i] for i in chosen], add_special_tokens=False, padding=True, return_tensors="pt")
        with torch.inference_mode():
            made = model.generate(**batch, generation_config=decoding)[:, batch["input_ids"].shape[1] :]
        num_tokens += int((made != tokenizer.pad_token_id).sum())
        for i, text in zip(chosen, tokenizer.batch_decode(made, skip_special_tokens=True), strict=True):
            said[i] = text
    return said, num_tokens


WAYS = {
    "released": ("transformers.trainer", tune_as_released, {"4 beams": (1, PAPER_BEAMS), "greedy": (1, 1)}),
    "careful": ("trl.trainer.sft_trainer", tune_carefully, {"greedy": (ROWS_AT_ONCE, 1)}),
}
"""What it builds on, how it tunes, and by name of decoding how many prompts at once and how many beams."""


def main(way: str, task_file: Path, rows_file: Path, out: Path) -> None:
    """Make one arm."""
    task = json.loads(task_file.read_text(encoding="utf-8"))
    rows = [json.loads(line) for line in rows_file.read_text(encoding="utf-8").splitlines()]
    library, tune, decodings = WAYS[way]
    importlib.import_module(library)  # belongs to the start, not to tuning
    began = time.perf_counter()
    model, tokenizer, num_steps, num_tokens = tune(task, rows, out)
    report: dict[str, Any] = {"tune": time.perf_counter() - began, "num_steps": num_steps, "num_tokens": num_tokens}
    report["generate"], report["num_new_tokens"] = {}, {}
    for name, (at_once, num_beams) in decodings.items():
        if name in task["decodings"]:
            began = time.perf_counter()
            said, report["num_new_tokens"][name] = answer(task, model, tokenizer, at_once=at_once, num_beams=num_beams)
            report["generate"][name] = time.perf_counter() - began
            (out / f"{name}.json").write_text(json.dumps(said), encoding="utf-8")
    (out / "report.json").write_text(json.dumps(report), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], *map(Path, sys.argv[2:5]))
