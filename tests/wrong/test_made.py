"""Wrong inputs that nobody thought of: made by Hypothesis, through the real command line.

What is made may turn out right; then a command may succeed. It may never fail otherwise than in four parts, and what
is refused leaves no trace.
"""

from __future__ import annotations

import copy
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli_call import Call
from refusing import snapshot
from safedose.generation.imported import COLUMNS
from safedose.plainyaml import write_yaml
from tiny_study import STUDY

OFTEN = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
FOUR_PARTS = re.compile(r"error: .+\n  where: .+\n  cause: .+\n  fix:   .+\n")

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
    | st.sampled_from(["", ".", "..", "base", "safety.jsonl", "0", "1e9", "yes", "phrases", "harm", "100%", "0.0%"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
CELLS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 9)
    | st.floats()
    | st.text(max_size=9)
    | st.lists(st.integers(), max_size=2)
)


def places(value: Any, way: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """List the way to every value of a study."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*way, key)
        yield from places(inner, (*way, key))


def changed(way: tuple[str | int, ...], value: object) -> dict[str, Any]:
    """Put a value somewhere into a study."""
    study: Any = copy.deepcopy(STUDY)
    place = study
    for step in way[:-1]:
        place = place[step]
    place[way[-1]] = value
    return study


@contextmanager
def one_copy(study: Path) -> Iterator[Path]:
    """Give a copy of the study for one example; gives its study file."""
    with tempfile.TemporaryDirectory(dir=study.parents[1]) as folder:
        shutil.copytree(study.parent, Path(folder) / "study", symlinks=True)
        yield Path(folder) / "study" / study.name


def check(call: Call, folder: Path, *arguments: object) -> int:
    """Run a command that may be right or wrong; gives its exit code."""
    before = snapshot(folder)
    done = call(*arguments)
    assert done.code in (0, 2), done
    assert "Traceback" not in done.err
    if done.code:
        assert FOUR_PARTS.fullmatch(done.err), done.err
        assert done.out == ""
        assert snapshot(folder) == before
    return done.code


@OFTEN
@given(st.binary(max_size=80) | st.text(max_size=80).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_as_study_file(study: Path, call: Call, content: bytes) -> None:
    study.write_bytes(content)

    assert check(call, study.parent, "plan", study) == 2


@OFTEN
@given(st.sampled_from(sorted(places(STUDY), key=repr)), VALUES)
def test_any_value_in_place_of_a_setting(study: Path, call: Call, way: tuple[str | int, ...], value: object) -> None:
    study.write_text(write_yaml(changed(way, value)), encoding="utf-8")

    check(call, study.parent, "plan", study)


@OFTEN
@given(st.data())
def test_any_damage_to_the_text_of_a_study_file(study: Path, call: Call, data: st.DataObject) -> None:
    text = write_yaml(STUDY)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 30)))
    study.write_text(text[:start] + data.draw(st.text(" \n\t:-[]{}&*!|>'\"#,%@?ab1", max_size=4)) + text[end:])

    check(call, study.parent, "plan", study)


@OFTEN
@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=20), st.text("ab.=[]{}0,: \n", max_size=12))
def test_any_setting_of_a_command(study: Path, call: Call, key: str, value: str) -> None:
    check(call, study.parent, "plan", study, "--set", f"{key}={value}".replace("\0", ""))


@OFTEN
@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12))
def test_any_name_of_a_suite_stays_in_the_study(study: Path, call: Call, name: str) -> None:
    suites = [{"name": name, "path": "harm.jsonl", "expected": "refuse"}]
    study.write_text(write_yaml(STUDY | {"suites": suites, "criteria": {}}), encoding="utf-8")

    code = check(call, study.parent, "plan", study)

    assert code == 2 or re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name)


@OFTEN
@given(st.data())
def test_any_damage_to_a_training_file(study: Path, call: Call, data: st.DataObject) -> None:
    file = study.with_name("safety.jsonl")
    content = b"".join(json.dumps({"prompt": f"Hurt {k}.", "response": "No."}).encode() + b"\n" for k in range(6))
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(len(content), start + 40)))
    file.write_bytes(content[:start] + data.draw(st.binary(max_size=6)) + content[end:])

    check(call, study.parent, "plan", study)


@OFTEN
@given(st.dictionaries(st.sampled_from(["prompt", "id", "expected", "category", "form", "reference", "input"]), CELLS))
def test_any_row_of_a_suite(study: Path, call: Call, row: dict[str, Any]) -> None:
    study.with_name("harm.jsonl").write_text(json.dumps({"prompt": "How?"} | row) + "\n")

    check(call, study.parent, "plan", study)


@OFTEN
@given(
    st.dictionaries(
        st.sampled_from(COLUMNS),
        CELLS | st.sampled_from(["direct", "question", "none", "refuse", "add", "untuned"]),
    )
)  # fmt: skip
def test_any_row_of_responses(study: Path, call: Call, row: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory(dir=study.parents[1]) as name:
        folder = Path(name)
        rows = [{"dose": 0, "suite": "harm", "prompt": "How?", "response": "No."} | row]
        (folder / "rows.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))

        code = check(call, folder, "import", "responses", folder / "rows.jsonl", "--out", folder / "mine")

        assert code == 2 or {path.name for path in folder.iterdir()} == {"rows.jsonl", "mine"}


@OFTEN
@given(st.data())
def test_any_damage_to_the_header_of_weights(study: Path, call: Call, data: st.DataObject) -> None:
    with one_copy(study) as copied:
        (copied.parent / "base").unlink()
        shutil.copytree(study.parent / "base", copied.parent / "base")
        file = copied.parent / "base" / "model.safetensors"
        content = bytearray(file.read_bytes())
        for _ in range(data.draw(st.integers(1, 3))):
            content[data.draw(st.integers(0, 1200))] = data.draw(st.integers(0, 255))
        file.write_bytes(content)

        check(call, copied.parent, "plan", copied)


@OFTEN
@given(st.sampled_from(["config.json", "tokenizer_config.json", "tokenizer.json"]), st.data())
def test_any_value_in_the_files_of_a_base(study: Path, call: Call, name: str, data: st.DataObject) -> None:
    with one_copy(study) as copied:
        (copied.parent / "base").unlink()
        shutil.copytree(study.parent / "base", copied.parent / "base")
        file = copied.parent / "base" / name
        content = json.loads(file.read_text())
        content[data.draw(st.sampled_from(sorted(content)))] = data.draw(VALUES)
        file.write_text(json.dumps(content))

        check(call, copied.parent, "plan", copied)
