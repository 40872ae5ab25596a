"""What the fault tests share: processes to fork from, and studies that nothing happened to."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.injector import compile_shim
from faults.kill_loop import Undisturbed, run_undisturbed
from faults.nursery import Nursery
from faults.toy_study import SMALL, WHOLE, make_toy

NUM_WORKERS = 2


@pytest.fixture(scope="session")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for studies, in memory where there is such a disk: thousands of flushes cost nothing there."""
    memory = Path("/dev/shm")  # noqa: S108 - a disk, not a name somebody could guess
    if not os.access(memory, os.W_OK):
        yield tmp_path_factory.mktemp("faults")
        return
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def nurseries(room: Path) -> Iterator[list[Nursery]]:
    """As many as may work at once."""
    shim = compile_shim(room / "shim")
    made = [Nursery(room / f"nursery-{number}", shim=shim) for number in range(NUM_WORKERS)]
    yield [nursery.wait_until_ready() for nursery in made]
    for nursery in made:
        nursery.close()


@pytest.fixture(scope="session")
def nursery(nurseries: list[Nursery]) -> Nursery:
    """One of them, for tests that work one study at a time."""
    return nurseries[0]


@pytest.fixture(scope="session")
def injecting(nurseries: list[Nursery]) -> list[Nursery]:
    """Nurseries whose children can arm faults."""
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler (cc): the shim that injects faults cannot be made")
    return nurseries


@pytest.fixture(scope="session")
def whole(nursery: Nursery, room: Path) -> Undisturbed:
    """The toy study with everything in it, undisturbed."""
    return run_undisturbed(nursery, room / "whole", WHOLE)


@pytest.fixture(scope="session")
def small(nursery: Nursery, room: Path) -> Undisturbed:
    """The small toy study, undisturbed."""
    return run_undisturbed(nursery, room / "small", SMALL)


@pytest.fixture
def toy(nursery: Nursery, room: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A fresh small toy study that has not run."""
    folder = Path(tempfile.mkdtemp(dir=room)) / "study"
    yield make_toy(nursery.inputs, folder, SMALL)
    shutil.rmtree(folder.parent, ignore_errors=True)
