"""A table of adapters and their doses: which folder a row means, and which arm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from safedose.errors import InputError
from safedose.generation.adaptertable import Entry, find_adapters, read_table
from tiny_adapters import change_config, write_adapters


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Adapters `clean`, `ten` and `deep/twenty`; no test changes them."""
    return write_adapters(tmp_path_factory.mktemp("given"))


def read(
    root: Path, *rows: dict[str, Any], base: str = "b", mapping: dict[str, str] | None = None
) -> tuple[Entry, ...]:
    numbered = list(enumerate(rows, start=1))
    return read_table(numbered, root, mapping=mapping or {}, base=base, call_base=lambda name: f"<{name}>")


def test_row_of_two_columns_gets_the_stated_defaults(root: Path) -> None:
    (entry,) = read(root, {"adapter": "ten", "dose": 10})

    assert (entry.row, entry.name, entry.found.folder) == (1, "ten", root / "ten")
    arm = entry.arm
    assert (arm.base, arm.run, arm.ladder, arm.strategy, arm.format) == (
        "<b>",
        "default",
        "add",
        "direct",
        "instruction",
    )
    assert (arm.dose, arm.draw_seed, arm.train_seed) == (10, 0, 0)


def test_every_other_column_is_recognised(root: Path) -> None:
    row = {"base": "c", "run": "r", "ladder": "replace", "strategy": "balanced", "format": "mixed", "draw_seed": 3}

    (entry,) = read(root, {"adapter": "ten", "dose": "10.0", "seed": 2} | row)

    arm = entry.arm
    assert (arm.base, arm.run, arm.ladder, arm.strategy, arm.format) == ("<c>", "r", "replace", "balanced", "mixed")
    assert (arm.draw_seed, arm.train_seed) == (3, 2)


def test_adapter_is_found_by_its_path_and_by_its_name_alone(root: Path) -> None:
    by_path, by_name = (read(root, {"adapter": name, "dose": 20})[0] for name in ("deep/twenty", "twenty"))

    assert by_path == by_name
    assert by_path.name == "deep/twenty"


def test_name_that_two_folders_have_is_refused(tmp_path: Path) -> None:
    both = write_adapters(tmp_path)
    (both / "other").mkdir()
    (both / "ten").rename(both / "other" / "twenty")

    with pytest.raises(InputError, match=r"several adapters 'twenty' .* as deep/twenty and other/twenty"):
        read(both, {"adapter": "twenty", "dose": 1})


def test_all_adapters_of_a_folder_are_listed(root: Path) -> None:
    assert find_adapters(root) == ("clean", "deep/twenty", "ten")
    assert find_adapters(root / "ten") == (".",)


def test_base_is_the_one_that_the_adapter_names_where_nobody_says(root: Path) -> None:
    (entry,) = read(root, {"adapter": "ten", "dose": 10}, base="")

    assert entry.arm.base == f"<{root.parent / 'base'}>"


def test_base_that_nobody_names_is_asked_for(tmp_path: Path) -> None:
    root = write_adapters(tmp_path)
    change_config(root / "ten", base_model_name_or_path=None)

    with pytest.raises(InputError, match="nobody says which base ten was trained on"):
        read(root, {"adapter": "ten", "dose": 10}, base="")


def test_weights_enter_the_name_of_an_arm(root: Path) -> None:
    one, other = (read(root, {"adapter": name, "dose": 10})[0].arm for name in ("ten", "clean"))

    assert one.id != other.id
    assert one.id.startswith("direct-instruction-10-s0.0-")


def test_columns_of_other_names_are_mapped(root: Path) -> None:
    (entry,) = read(root, {"path": "ten", "n_safe": 7}, mapping={"adapter": "path", "dose": "n_safe"})

    assert (entry.name, entry.arm.dose) == ("ten", 7)
