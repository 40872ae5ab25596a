"""How a study folder begins: from a recipe, as the demo, or beside another study."""

from __future__ import annotations

import importlib.resources
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import yaml

from safedose.errors import InputError, nearest
from safedose.plainyaml import read_yaml, write_yaml
from safedose.store import find_study, write_text
from safedose.store.durable import replacing
from safedose.store.folder import REREADINGS
from safedose.store.unit import MANIFEST
from safedose.study import Study
from safedose.studyfile import parse_study, placeholders, read_study

RECIPES = (
    "smallworld", "smallworld-quick", "own-data", "tiny-english", "paper-llama7b", "llama3-8b-qlora", "qwen-lora",
    "adapters-only",
)  # fmt: skip


def recipe(name: str) -> str:
    """Give the text of a study file to start from.

    Raises:
        InputError: When there is no such recipe.
    """
    if name not in RECIPES:
        raise InputError(
            f"unknown recipe {name!r}", where="--recipe", cause="the name is misspelt", fix=nearest(name, RECIPES),
        )  # fmt: skip
    return importlib.resources.files("safedose").joinpath(f"recipes/{name}.yaml").read_text(encoding="utf-8")


def init(folder: Path, name: str) -> tuple[Path, int]:
    """Make a study folder with a commented study file; never overwrites one.

    Returns:
        The study file, and how many of its settings are to be filled in first.

    Raises:
        InputError: When the file exists, or the name cannot name a study.
    """
    folder = folder.absolute()
    text, file = recipe(name), folder / "study.yaml"
    if file.exists():
        raise InputError(
            f"{file} exists", where=str(file), cause="this study was made before",
            fix="choose another name, or edit the file that is there",
        )  # fmt: skip
    raw = read_yaml(text, where=name)
    parse_study(raw | {"name": folder.name}, where=f"the name {folder.name!r}")
    write_text(file, text.replace(f"name: {name}\n", write_yaml({"name": folder.name}), 1))
    return file, len(placeholders(raw))


def read_prepared(folder: Path) -> tuple[str, Study] | None:
    """Read the study file that was prepared for adapters to be brought in: alone in its folder; None for any other.

    Raises:
        InputError: When it cannot be used.
    """
    file = folder / "study.yaml"
    if folder.is_symlink() or not folder.is_dir() or [one.name for one in folder.iterdir()] != [file.name]:
        return None
    study = read_study(file)
    return (file.read_text(encoding="utf-8"), study) if study.adopts else None


def start_demo(folder: Path, *, quick: bool) -> Path:
    """Put the demo's study file into a folder, which may hold an earlier run of it.

    Raises:
        InputError: When the folder holds something else.
    """
    file = folder / "study.yaml"
    ours = {recipe("smallworld"), recipe("smallworld-quick")}
    before = file.read_text(encoding="utf-8") if file.is_file() else None
    if before not in ours and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(
            f"{folder} holds something else than a demo", where="--out", cause="it is used for another study or file",
            fix="give a new folder with --out; an edited study goes on with `safedose run`",
        )  # fmt: skip
    write_text(file, recipe("smallworld-quick" if quick else "smallworld"))
    return file


def fork(folder: Path, new: Path) -> Path:
    """Begin a sibling study: the same study file and finished work, free to change and to keep what still fits.

    Relative paths of the study file are rewritten to lead from the new folder to where they led before.

    Returns:
        The new study file.

    Raises:
        InputError: When `folder` is no study, or `new` holds something.
    """
    old = find_study(folder)
    if new.is_symlink() or (new.exists() and (not new.is_dir() or any(new.iterdir()))):
        raise InputError(
            f"{new} is not empty", where=str(new), cause="something was written there before, or it is a link",
            fix="give a new folder",
        )  # fmt: skip
    read_study(old.study_file)
    text = _moved(old.study_file.read_text(encoding="utf-8"), old.path.resolve(), new.resolve())
    with replacing(new) as temporary:  # a whole study or none
        units = [*(old.path / "arms").glob("*/**/*.manifest.json"), *(old.path / REREADINGS).glob("*.manifest.json")]
        for manifest in sorted(units):
            made = manifest.with_name(manifest.name.removesuffix(MANIFEST))
            for file in (made, manifest) if made.exists() else ():
                there = temporary / file.relative_to(old.path)
                there.parent.mkdir(parents=True, exist_ok=True)
                (shutil.copytree if file.is_dir() else shutil.copy2)(file, there)
        write_text(temporary / "study.yaml", text)
    return new / "study.yaml"


def _moved(text: str, old: Path, new: Path) -> str:
    """Rewrite the relative paths of a study file, value by value, so that its comments and order stay."""
    nodes = list(_paths(yaml.compose(text, Loader=yaml.SafeLoader)))
    for node in sorted(nodes, key=lambda node: -node.start_mark.index):  # from the end: earlier places stay right
        target = old / node.value
        if not Path(node.value).is_absolute() and target.exists():
            start, end = node.start_mark.index, node.end_mark.index
            moved = yaml.safe_dump(os.path.relpath(target, new)).splitlines()[0]
            text = f"{text[:start]}{moved}{text[end:]}"
    return text


def _paths(node: yaml.Node | None, key: str = "") -> Iterator[yaml.ScalarNode]:
    """Walk the values of a study file that may be paths: bases, sources, files of suites."""
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            yield from _paths(value, name.value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _paths(value, key)
    elif isinstance(node, yaml.ScalarNode) and key in {"base", "source", "path"}:
        yield node
