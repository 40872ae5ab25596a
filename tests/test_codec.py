"""Records as files and back: what is read is what was written, for every kind of record."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safedose import findings, records
from safedose.codec import from_json, read_records, to_json, write_json, write_records
from safedose.findings import Estimate
from safedose.records import MixedRow, Response, Verdict

KINDS = [kind for kind in (vars(records) | vars(findings)).values() if dataclasses.is_dataclass(kind)]
TABLES = [MixedRow, Response, Verdict, Estimate]
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(codec="utf-8"))
SMALL = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Make any value that a type hint allows, as Parquet and JSON can hold it."""
    inner = typing.get_args(hint)
    if dataclasses.is_dataclass(hint):
        return record_of(hint)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return st.one_of(*map(values, inner))
    if typing.get_origin(hint) is typing.Literal:
        return st.sampled_from(inner)
    if typing.get_origin(hint) is tuple:
        many = len(inner) == 2 and inner[1] is Ellipsis
        return st.lists(values(inner[0]), max_size=3).map(tuple) if many else st.tuples(*map(values, inner))
    whole = st.integers(-(2**63), 2**63 - 1)
    plain = {str: TEXT, int: whole, float: NUMBERS, bool: st.booleans(), types.NoneType: st.none()}
    return plain[hint]


def record_of(kind: Any) -> st.SearchStrategy[Any]:
    return st.builds(kind, **{name: values(hint) for name, hint in typing.get_type_hints(kind).items()})


@pytest.mark.parametrize("kind", KINDS)
@SMALL
@given(data=st.data())
def test_json_gives_back_what_it_was_given(kind: Any, data: st.DataObject, tmp_path: Path) -> None:
    record = data.draw(record_of(kind))

    write_json(tmp_path / "record.json", record)

    assert from_json(json.loads((tmp_path / "record.json").read_text(encoding="utf-8")), kind) == record


@pytest.mark.parametrize("kind", TABLES)
@SMALL
@given(data=st.data())
def test_parquet_gives_back_what_it_was_given(kind: Any, data: st.DataObject, tmp_path: Path) -> None:
    rows = data.draw(st.lists(record_of(kind), max_size=5))

    write_records(tmp_path / "rows.parquet", rows, kind)

    assert read_records(tmp_path / "rows.parquet", kind) == rows


@pytest.mark.parametrize("kind", TABLES)
def test_no_rows_are_still_a_table_of_their_kind(kind: Any, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    write_records(tmp_path / "rows.parquet", [], kind)

    schema = pq.read_schema(tmp_path / "rows.parquet")
    assert len(schema.names) >= len(dataclasses.fields(kind))
    assert read_records(tmp_path / "rows.parquet", kind) == []


@pytest.mark.parametrize("text", ["", "\0", "a\0b\x1b[31m", "\u2028\ufeff\U0010ffff", "x" * 1_000_000])
def test_hostile_text_survives(text: str, tmp_path: Path) -> None:
    verdict = Verdict(
        arm="a", suite="s", prompt_id="1", sample=0, expected="either", category="", judge="j", axis="harm",
        state="unusable", reason=text,
    )  # fmt: skip

    write_records(tmp_path / "rows.parquet", [verdict], Verdict)

    assert read_records(tmp_path / "rows.parquet", Verdict) == [verdict]


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_json_never_holds_what_json_cannot_say(number: float, tmp_path: Path) -> None:
    criterion = findings.Criterion(name="harmful", suite="s", endpoint="e", judge="j", bound=number)

    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "record.json", criterion)


def test_key_that_a_newer_version_added_is_passed_over() -> None:
    written = {"name": "n", "suite": "s", "endpoint": "e", "judge": "j", "bound": 0.1, "new": 1}

    assert to_json(from_json(written, findings.Criterion)).keys() == written.keys() - {"new"}


def test_field_that_an_older_version_lacks_takes_its_default() -> None:
    prompt = from_json({"id": "1", "suite": "s", "text": "t", "expected": "either"}, records.Prompt)

    assert (prompt.category, prompt.form, prompt.reference) == ("", None, None)
