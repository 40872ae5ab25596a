"""One study, run by two processes that differ in all that must not matter, leaves the same bytes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from faults.study_digest import digest_study
from tiny_study import write_study


def run_elsewhere(file: Path, **environment: str) -> dict[str, str]:
    """Run a study in a process of its own with real training; gives the hash of every file it leaves."""
    tests = Path(__file__).parent
    command = [sys.executable, "-m", "safedose", "run", str(file)]
    environment = os.environ | {"PYTHONPATH": str(tests), "OMP_NUM_THREADS": "1"} | environment
    subprocess.run(command, env=environment, check=True, capture_output=True)  # noqa: S603 - our own command
    return digest_study(file.parent)


def test_hash_seed_time_zone_language_and_place_do_not_matter(tmp_path: Path) -> None:
    here = write_study(tmp_path / "here")
    there = shutil.copytree(here.parent, tmp_path / "thére, further" / "away") / here.name

    assert run_elsewhere(here, PYTHONHASHSEED="1", TZ="UTC") == run_elsewhere(
        there, PYTHONHASHSEED="2", TZ="Asia/Kolkata", LC_ALL="C"
    )
