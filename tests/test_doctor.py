"""`safedose doctor`: what is there, what is not, what to do; a broken installation is told, never a traceback."""

from __future__ import annotations

import importlib.metadata
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli_call import Call
from safedose.doctor import Line, examine
from safedose.errors import InputError
from safedose.store.promises import find_mount, is_network, trial_folder, try_lock

MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
server:/data /data nfs4 rw 0 0
server:/data /data/with\\040space cifs rw 0 0
scratch /data/fast tmpfs rw 0 0
"""


def not_installed(package: str) -> str:
    raise importlib.metadata.PackageNotFoundError(package)


def packages(*needed: str, found: str = "1.5") -> dict[str, Line]:
    """Look at an installation that requires some packages and has all of them in one version."""
    lines = examine(Path(), requires=lambda: needed, version=lambda _: found)
    return {line.topic: line for line in lines}


def make_system(root: Path, **files: str) -> Path:
    """Lay out `proc` and `sys` of another machine."""
    for name, text in {"proc__meminfo": "MemTotal: 8000000 kB\nMemAvailable: 7000000 kB\n", **files}.items():
        file = root / name.replace("__", "/").replace("_dot_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def on(system: Path, topic: str) -> Line:
    (line,) = [line for line in examine(system, system=system) if line.topic == topic]
    return line


def test_this_installation_lacks_nothing(tmp_path: Path) -> None:
    lines = examine(tmp_path)

    assert [line for line in lines if line.state == "missing"] == []
    assert {"torch", "numpy", "cores", "memory", "disk", "writing", "locks", "ledger", "Hub"} <= {
        x.topic for x in lines
    }


def test_nothing_is_left_where_it_tried(tmp_path: Path) -> None:
    examine(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_package_in_a_version_that_does_not_do_is_named_with_the_one_to_install() -> None:
    found = packages("good>=1,<2", "old>=2", "new<1.5,>=1")

    assert found["good"] == Line("good", "ok", "1.5")
    assert found["old"] == Line("old", "missing", "1.5 is installed; >=2 is needed", "pip install 'old>=2'")
    assert found["new"].state == "missing"


def test_version_before_a_release_counts() -> None:
    assert packages("torch>=2.6", found="2.13.0.dev1+cpu")["torch"].state == "ok"


def test_package_that_is_not_installed_is_missing() -> None:
    found = {line.topic: line for line in examine(Path(), requires=lambda: ["lost>=2"], version=not_installed)}

    assert found["lost"] == Line("lost", "missing", "not installed; >=2 is needed", "pip install 'lost>=2'")


def test_package_for_another_system_is_not_asked_for() -> None:
    assert "winthing" not in packages('winthing>=1; sys_platform == "win32"')


def test_optional_package_that_is_not_there_is_no_fault() -> None:
    lines = examine(Path(), requires=lambda: ['a>=1; extra == "ray"', 'b>=1; extra == "ray"'], version=not_installed)

    assert Line("extra ray", "ok", "0 of 2 packages", "optional: pip install 'safedose[ray]'") in lines


@pytest.mark.parametrize("needed", [None, "not installed"])
def test_safedose_without_metadata_is_told(needed: str | None) -> None:
    lines = examine(Path(), requires=lambda: needed and not_installed("safedose"))

    (line,) = [line for line in lines if line.topic == "packages"]
    assert (line.state, line.todo) == ("warn", "pip install safedose")


def test_metadata_that_cannot_be_read_is_told_and_the_rest_is_still_looked_at() -> None:
    found = packages("a b c ???", "good", found="1.5")

    assert "could not be found out: InvalidRequirement" in found["a b c ???"].found
    assert found["good"].state == "ok"


def test_version_that_cannot_be_read_is_not_good_enough() -> None:
    assert packages("odd>=1", found="banana")["odd"].state == "missing"


def test_package_whose_metadata_has_no_version_is_told() -> None:
    lines = examine(Path(), requires=lambda: ["odd>=1"], version=lambda _: None)

    assert Line("odd", "missing", "an unknown version is installed; >=1 is needed", "pip install 'odd>=1'") in lines


@pytest.mark.parametrize(
    "files",
    [
        {"proc__self__cgroup": "0::/job\n", "sys__fs__cgroup__job__cpu_dot_max": "50000 100000\n"},
        {"proc__self__cgroup": "0::/job/step\n", "sys__fs__cgroup__job__step__cpu_dot_max": "max 100000\n",
         "sys__fs__cgroup__job__cpu_dot_max": "50000 100000\n"},
        {"proc__self__cgroup": "4:cpu,cpuacct:/\n", "sys__fs__cgroup__cpu__cpu_dot_cfs_quota_us": "50000\n",
         "sys__fs__cgroup__cpu__cpu_dot_cfs_period_us": "100000\n"},
    ],
)  # fmt: skip
def test_cores_that_a_container_takes_away_are_counted(
    files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)

    line = on(make_system(tmp_path, **files), "cores")

    assert line.state == "warn"
    assert "a container gives 0.5" in line.found
    assert "OMP_NUM_THREADS=1" in line.todo


def test_memory_that_a_container_takes_away_is_counted(tmp_path: Path) -> None:
    files = {"proc__self__cgroup": "0::/job\n", "sys__fs__cgroup__job__memory_dot_max": "1000000000\n"}

    line = on(make_system(tmp_path, **files), "memory")

    assert (line.state, line.found) == ("warn", "8.2 GB, 7.2 GB free; a container allows 1.0 GB")


def test_machine_that_tells_nothing_of_itself_is_no_crash(tmp_path: Path) -> None:
    lines = examine(tmp_path, system=tmp_path)

    (line,) = [line for line in lines if line.topic == "memory"]
    assert line.state == "warn"
    assert "could not be found out" in line.found


def test_driver_without_a_device_for_torch_is_told(tmp_path: Path) -> None:
    line = on(make_system(tmp_path, proc__driver__nvidia__version="NVRM"), "accelerator")

    assert (line.state, line.found) == ("warn", "an NVIDIA driver, but no device that torch can use")


def test_folder_on_a_network_disk_gets_a_word_on_locks(tmp_path: Path) -> None:
    system = make_system(tmp_path, proc__mounts=f"server:/x {tmp_path.resolve()} nfs4 rw 0 0\n")

    line = on(system, "file system")
    assert (line.state, "start one command at a time" in line.todo) == ("warn", True)


@pytest.mark.parametrize(
    ("folder", "found"),
    [
        ("/srv/me", ("/", "ext4")), ("/data/study", ("/data", "nfs4")), ("/data2/study", ("/", "ext4")),
        ("/data/fast/study", ("/data/fast", "tmpfs")), ("/data/with space", ("/data/with space", "cifs")),
    ],
)  # fmt: skip
def test_mount_of_a_folder_is_the_innermost(folder: str, found: tuple[str, str]) -> None:
    assert find_mount(Path(folder), MOUNTS) == found


def test_kinds_of_network_disks_are_known() -> None:
    kinds = ("nfs", "nfs4", "cifs", "fuse.sshfs", "9p", "lustre", "ext4", "xfs", "overlay", "fuseblk")

    assert [kind for kind in kinds if is_network(kind)] == ["nfs", "nfs4", "cifs", "fuse.sshfs", "9p", "lustre"]


def test_folder_that_cannot_be_written_to_is_missing_something() -> None:
    found = {line.topic: line for line in examine(Path("/proc/self"))}

    assert found["writing"].state == "missing"
    assert "mend permissions" in found["writing"].todo


@contextmanager
def at_most_files(number: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_few_open_files_are_told(tmp_path: Path) -> None:
    with at_most_files(512):
        (line,) = [line for line in examine(tmp_path) if line.topic == "open files"]

    assert (line.state, line.todo) == ("warn", "ulimit -n 4096")


def test_lock_keeps_another_process_out(tmp_path: Path) -> None:
    with trial_folder(tmp_path) as folder:
        assert try_lock(folder)


def test_place_that_is_no_folder_is_wrong_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no folder"):
        examine(tmp_path / "nowhere")


def test_command_exits_0_and_says_what_it_found(tmp_path: Path, call: Call) -> None:
    done = call("doctor", tmp_path)

    assert done.code == 0
    assert "a second process is kept out" in done.out


def test_command_exits_1_when_something_is_missing(call: Call) -> None:
    done = call("doctor", "/proc/self", "--json")

    assert done.code == 1
    found = done.json()
    assert found["num_missing"] == sum(line["state"] == "missing" for line in found["lines"]) == 1


def test_package_that_cannot_be_loaded_is_an_error_in_four_parts() -> None:
    code = "import sys; sys.modules['pydantic'] = None; from safedose import cli; cli.main()"
    done = subprocess.run([sys.executable, "-c", code, "doctor"], capture_output=True, text=True)  # noqa: S603 - ours

    assert done.returncode == 1
    assert done.stderr.startswith("error: a package cannot be loaded: ")
    assert "pydantic" in done.stderr
    assert "safedose doctor" in done.stderr
