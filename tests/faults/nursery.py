"""Processes that have everything imported already: each is forked in milliseconds, works on a study, and ends.

A nursery is one process that imports the product once and forks a child per order. The shim may be loaded into it;
then a child can arm a fault before it begins. Orders and answers are JSON lines over its stdin and stdout.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, final

Item = TypeVar("Item")
_END: Any = object()

TESTS = Path(__file__).parents[1]
INPUTS = "inputs"
"""Where a nursery leaves the inputs of toy studies, in its scratch folder."""

TIME_LIMIT = 120
"""Seconds after which a child counts as hanging and is ended by SIGALRM."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended: its exit code, or minus the signal that ended it, and what it said on stderr."""

    code: int
    said: str


@dataclass(frozen=True, slots=True)
class Child:
    """A process at work."""

    pid: int
    nursery: Nursery

    def signal(self, number: int) -> None:
        """Send it a signal; it stays a zombie until `wait`, so its number is not another's."""
        os.kill(self.pid, number)

    def state(self) -> str:
        """Give the letter that the system has for what it does: `Z` has ended, `T` is stopped, others run or wait."""
        status = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8")
        return status.rpartition(")")[2].split()[0]

    def running(self) -> bool:
        """Say whether it has not ended yet."""
        return self.state() != "Z"

    def wait(self) -> Ended:
        """Wait until it has ended."""
        return self.nursery.wait(self.pid)


@final
class Nursery:
    """A process that forks children.

    Args:
        scratch: A folder of its own for what children say.
        shim: Path of the compiled shim; None: children cannot arm faults.
        training: Whether children are to train real models.
    """

    def __init__(self, scratch: Path, *, shim: Path | None = None, training: bool = False) -> None:
        scratch.mkdir(parents=True, exist_ok=True)
        self._scratch = scratch
        self.inputs = scratch / INPUTS
        environment = os.environ | {
            "PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS.parent / 'src'}", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1",
            "TOKENIZERS_PARALLELISM": "false", "COLUMNS": "200",
        }  # fmt: skip
        if shim:
            environment["LD_PRELOAD"] = str(shim)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "faults.nursery", *["training"] * training], env=environment, cwd=scratch,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._ready = False

    def start(self, job: str, *arguments: Any, environment: Mapping[str, str] | None = None) -> Child:
        """Fork a child that calls a function of `faults.jobs` with arguments that JSON can say."""
        order = {"job": job, "arguments": arguments, "environment": dict(environment or {})}
        return Child(self._ask(order), self)

    def run(self, job: str, *arguments: Any, environment: Mapping[str, str] | None = None) -> Ended:
        """Fork a child and wait until it has ended."""
        return self.start(job, *arguments, environment=environment).wait()

    def wait(self, pid: int) -> Ended:
        """Wait for a child; see `Child.wait`."""
        code = self._ask({"wait": pid})
        said = self._scratch / f"{pid}.txt"
        text = said.read_text(encoding="utf-8", errors="replace")
        said.unlink()
        return Ended(code, text)

    def close(self) -> None:
        """End the nursery; children that nobody waited for go with it."""
        self._process.communicate()

    def wait_until_ready(self) -> Nursery:
        """Wait until everything is imported and the inputs are written; gives itself."""
        if not self._ready:
            self._ready = self._read() == 0
        return self

    def _ask(self, order: dict[str, Any]) -> int:
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return self._read()

    def _read(self) -> int:
        answer = self._process.stdout.readline()  # type: ignore[union-attr]
        assert answer, f"the nursery has died with {self._process.wait()}"
        return int(answer)


def share_out(items: Iterable[Item], nurseries: Sequence[Nursery], do: Callable[[Nursery, Item], None]) -> None:
    """Let several nurseries work through items at once; the first failure ends it."""
    rest, lock = iter(items), threading.Lock()

    def labour(nursery: Nursery) -> None:
        while True:
            with lock:
                item = next(rest, _END)
            if item is _END:
                return
            do(nursery, item)

    with ThreadPoolExecutor(len(nurseries)) as pool:
        for done in as_completed([pool.submit(labour, nursery) for nursery in nurseries]):
            done.result()


def _serve() -> None:
    """Take orders until stdin ends: fork a child, or wait for one."""
    from faults import jobs

    answers = os.dup(1)
    os.dup2(2, 1)
    jobs.warm_up(Path(INPUTS))
    if "training" in sys.argv:
        jobs.warm_up_training()
    gc.collect()
    gc.freeze()  # children share the memory for longer
    os.write(answers, b"0\n")
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            answer = os.waitstatus_to_exitcode(os.waitpid(order["wait"], 0)[1])
        else:
            answer = os.fork()
            if not answer:
                os.close(answers)
                _be_child(getattr(jobs, order["job"]), order)
        os.write(answers, f"{answer}\n".encode())


def _be_child(job: Callable[..., None], order: dict[str, Any]) -> None:
    said = os.open(f"{os.getpid()}.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(said, 2)
    os.dup2(said, 1)
    os.environ.update(order["environment"])
    signal.alarm(TIME_LIMIT)
    try:
        job(*order["arguments"])
        os._exit(0)
    except SystemExit as stop:
        os._exit(stop.code if isinstance(stop.code, int) else 1)
    except BaseException:  # a child must not become a second nursery
        sys.excepthook(*sys.exc_info())
        os._exit(99)


if __name__ == "__main__":
    importlib.import_module("faults.nursery")._serve()
