"""A whole study through a real server: `transformers serve` with the tiny base and its adapters, merged."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from safedose import commands
from safedose.codec import read_records
from safedose.engines import LOCAL
from safedose.generation.endpoint import adapter_name
from safedose.generation.local import LocalGenerator
from safedose.outcome import find_bases
from safedose.progress import Watch
from safedose.records import UNTUNED, Response
from safedose.remote.book import Book
from safedose.store import StudyFolder
from safedose.studyfile import read_study
from tiny_study import STUDY, write_study

WATCH = Watch(quiet=True)
NEEDS = ("fastapi", "uvicorn", "openai")


@contextmanager
def serve(cache: Path, port: int) -> Iterator[None]:
    """Run the server on what lies in a Hub cache, and nothing else, until the block ends."""
    command = [sys.executable, "-c", "from transformers.cli.transformers import main; main()", "serve"]
    log = (cache / "log").open("wb")
    place = {**os.environ, "HF_HUB_CACHE": str(cache), "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    with log, subprocess.Popen(  # noqa: S603 - our own words
        [*command, "--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--model-timeout", "-1"],
        env=place, stdout=log, stderr=log,
    ) as process:  # fmt: skip
        try:
            deadline = time.monotonic() + 120
            while time.monotonic() < deadline and process.poll() is None and not _listens(port):
                time.sleep(0.1)
            assert _listens(port), (cache / "log").read_text(errors="replace")[-2000:]
            yield
        finally:
            process.kill()


def _listens(port: int) -> bool:
    with socket.socket() as ours:
        return ours.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.socket() as ours:
        ours.bind(("127.0.0.1", 0))
        return int(ours.getsockname()[1])


def put_in_cache(cache: Path, name: str, model: Path) -> None:
    """Lay a model's folder out as one that was fetched from the Hub."""
    commit = "0" * 40
    folder = cache / f"models--{name}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(commit)
    shutil.copytree(model, folder / "snapshots" / commit)


def merge(base: Path, adapter: Path, out: Path) -> Path:
    """Write base and adapter as one model, which this server can load; vLLM takes the adapter as it is."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), adapter).merge_and_unload()
    model.save_pretrained(out)
    AutoTokenizer.from_pretrained(base).save_pretrained(out)
    return out


def test_a_study_runs_through_a_real_server_and_its_base_says_what_it_says_here(tmp_path: Path) -> None:
    for package in NEEDS:
        pytest.importorskip(package, reason="`transformers serve` needs it: pip install 'safedose[dev]'")
    port, cache = free_port(), tmp_path / "cache"
    endpoint = {"url": f"http://127.0.0.1:{port}/v1", "model": "base", "timeout": 60.0, "max_in_flight": 2}
    file = write_study(tmp_path / "study", generate=STUDY["generate"] | {"max_new_tokens": 12, "endpoint": endpoint})
    for verb in ("mix", "tune"):
        commands.run_stage(verb, file, [], WATCH)
    folder = StudyFolder(file.parent)
    put_in_cache(cache, "base", file.parent / "base")
    for arm in folder.tuned_arms():
        adapter = folder.adapter(arm).path
        put_in_cache(cache, adapter_name(adapter), merge(file.parent / "base", adapter, tmp_path / arm.id))

    with serve(cache, port):
        commands.run(file, [], WATCH, LOCAL)

    assert Book(file.parent / "requests.sqlite").count("failed") == 0
    study = read_study(file)
    (base,) = find_bases(study, folder)
    here = LocalGenerator(base, study.generate, template="chat", seed=study.seed)
    untuned = next(arm for arm in folder.arms() if arm.run == UNTUNED)
    said = read_records(folder.responses(untuned, "fine").path, Response)
    again = here.generate([one.prompt for one in said], arm=untuned.id, adapter=None, batch=0)
    assert [(one.text, one.finish) for one in said] == [(one.text, one.finish) for one in again]
    assert any(one.text for one in said)
