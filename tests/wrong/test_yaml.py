"""Study files that are no YAML, or YAML that may mean something else than it seems to."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from refusing import Refused

BOMB = "0: &a0 [x, x]\n" + "".join(f"{k}: &a{k} [*a{k - 1}, *a{k - 1}]\n" for k in range(1, 9))

TEXTS = {
    "nothing": ("", "a study file is a mapping"),
    "blanks": ("  \n\n", "a study file is a mapping"),
    "a comment alone": ("# name: tiny\n", "a study file is a mapping"),
    "an empty document": ("---\n...\n", "a study file is a mapping"),
    "null": ("null\n", "a study file is a mapping"),
    "a list": ("- name: tiny\n", "a study file is a mapping"),
    "a text": ("tiny\n", "a study file is a mapping"),
    "a number": ("12\n", "a study file is a mapping"),
    "JSON of a list": ('[{"name": "tiny"}]', "a study file is a mapping"),
    "an empty group": ("{}\n", "name: is missing"),
    "an open bracket": ("mix: {doses: [1\n", "line 2, column 1"),
    "an open brace": ("mix: {doses: 1\n", "not readable as YAML"),
    "an open quote": ("name: 'tiny\n", "a quoted scalar that begins in line 1"),
    "an open double quote": ('name: "tiny\n', "a quoted scalar that begins in line 1"),
    "a bracket too many": ("judges: [phrases]]\n", "not readable as YAML"),
    "two colons": ("name: tiny: one\n", "line 1, column 11"),
    "no colon": ("name tiny\nseed: 1\n", "line 2, column 5"),
    "no blank after a colon": ("name:tiny\nseed: 1\n", "line 2, column 5"),
    "a tab before a key": ("tune:\n\tepochs: 1\n", "line 2, column 1"),
    "a tab in front of all": ("\tname: tiny\n", "line 1, column 1"),
    "indentation that comes back too little": ("tune:\n    epochs: 1\n  seed: 1\n", "line 3, column 3"),
    "indentation that goes too far": ("name: tiny\n  seed: 1\n", "line 2, column 7"),
    "a list entry among keys": ("name: tiny\n- seed\n", "line 2, column 1"),
    "a text that begins with @": ("base: @mine\n", "line 1, column 7"),
    "a text that begins with `": ("base: `mine`\n", "line 1, column 7"),
    "a text that begins with %": ("base: %mine\n", "line 1, column 7"),
    "a glob": ("base: *.jsonl\n", "line 1, column 8"),
    "an escape that is none": ('name: "\\q"\n', "unknown escape character 'q'"),
    "an escape cut short": ('name: "\\u12"\n', "escape sequence of 4 hexadecimal"),
    "an escape beyond Unicode": ('name: "\\U00110000"\n', "names no character"),
    "an escape far beyond Unicode": ('name: "\\UFFFFFFFF"\n', "names no character"),
    "half a surrogate pair": ('name: "\\ud83d"\n', "U+D83D"),
    "an escaped NUL": ('name: "\\0"\n', "U+0000"),
    "an escaped bell": ('base: "\\a"\n', "U+0007"),
    "an escaped escape": ('judges: ["\\e[31mphrases"]\n', "U+001B"),
    "an escaped line break": ('base: "a\\nb"\n', "U+000A"),
    "a tab inside quotes": ('base: "a\tb"\n', "U+0009"),
    "a block of text": ("base: |\n  smallworld\n", "U+000A"),
    "a NUL": ("name: ti\0ny\n", "U+0000", "line 1, column 9"),
    "a bell": ("seed: 1\nname: \a\n", "U+0007", "line 2, column 7"),
    "the end of another system": ("name: tiny\n\x1a", "U+001A"),
    "a delete": ("name: tiny\x7f\n", "U+007F"),
    "a key in control characters": ('"na\\x00me": tiny\n', "U+0000"),
    "a key twice": ("name: a\nseed: 1\nname: b\n", "the key 'name' is given twice", "line 3, column 1"),
    "a key twice in a group": ("tune:\n  epochs: 1\n  epochs: 2\n", "the key 'epochs' is given twice", "line 3"),
    "a key twice in braces": ("tune: {epochs: 1, 'epochs': 2}\n", "the key 'epochs' is given twice"),
    "a key twice inside a list": ("suites: [{name: a, name: b}]\n", "the key 'name' is given twice"),
    "a key twice, once by escape": ('name: a\n"n\\x61me": b\n', "the key 'name' is given twice"),
    "a group twice": ("tune: {epochs: 1}\ntune: {epochs: 2}\n", "the key 'tune' is given twice"),
    "a list as key": ("? [a, b]\n: c\n", "a key is a list or a group"),
    "a group as key": ("? {a: b}\n: c\n", "a key is a list or a group"),
    "a list in braces as key": ("{[a]: 1}\n", "a key is a list or a group"),
    "a tag that runs code": ("name: !!python/object/apply:os.getcwd []\n", "there is a tag", "line 1, column 7"),
    "a tag that imports": ("name: !!python/name:os.system x\n", "there is a tag"),
    "a tag for bytes": ("name: !!binary aGVsbG8=\n", "there is a tag"),
    "a tag for a set": ("judges: !!set {phrases}\n", "there is a tag"),
    "a tag for order": ("mix: !!omap [a: 1]\n", "there is a tag"),
    "a tag of one's own": ("name: !mine tiny\n", "there is a tag, !mine"),
    "a tag for a text": ("name: !!str 12\n", "there is a tag"),
    "a tag for a number": ('seed: !!int "1"\n', "there is a tag"),
    "a tag for nothing": ("name: ! tiny\n", "there is a tag, !"),
    "a tag on a key": ("!!str name: tiny\n", "there is a tag"),
    "a tag on everything": ("!study\nname: tiny\n", "there is a tag"),
    "an environment tag": ("base: !ENV ${HOME}\n", "there is a tag, !ENV"),
    "an anchor": ("name: &n tiny\n", "there is an anchor &n", "line 1, column 7"),
    "an anchor on a key": ("&k name: tiny\n", "there is an anchor &k"),
    "an anchor on a group": ("tune: &t {epochs: 1}\n", "there is an anchor &t"),
    "an alias": ("name: *n\n", "there is an alias *n"),
    "an alias as key": ("*n : tiny\n", "there is an alias *n"),
    "a group that holds itself": ("tune: &t {epochs: *t}\n", "there is an anchor &t"),
    "a merge": ("x: &x {epochs: 1}\ntune: {<<: *x}\n", "there is an anchor &x"),
    "a merge of a group": ("<<: {name: tiny}\n", "<<: unknown key"),
    "a bomb of aliases": (BOMB, "there is an anchor &a0"),
    "a hundred brackets": ("mix: " + "[" * 100 + "]" * 100, "nest deeper than 20 levels"),
    "a hundred thousand brackets": ("[" * 100_000, "nest deeper than 20 levels"),
    "a hundred thousand keys, each in the last": ("{a: " * 100_000, "nest deeper than 20 levels"),
    "ten thousand dashes": ("- " * 10_000, "nest deeper than 20 levels"),
    "two documents": ("name: tiny\n---\nname: other\n", "a second document begins", "line 2, column 1"),
    "a document after an end": ("name: tiny\n...\n---\n", "a second document begins"),
    "text after an end": ("name: tiny\n...\nname: other\n", "not readable as YAML"),
    "a directive of another version": ("%YAML 2.0\n---\nname: tiny\n", "not readable as YAML"),
    "a directive of this version": ("%YAML 1.1\n---\nname: tiny\n", "there is a directive"),
    "a directive for tags": ("%TAG ! tag:example.com,2000:\n---\nname: !x tiny\n", "there is a directive"),
    "a directive nobody knows": ("%name tiny\n", "not readable as YAML"),
    "a number of 5,000 digits": (f"seed: {'9' * 5000}\n", "a number is too long or too large", "line 1, column 7"),
    "a decimal of 5,000 digits": (f"seed: 0.{'9' * 5000}\n", "a number is too long or too large"),
    "a number beyond floats": ("tune: {epochs: 1e999}\n", "a number is too long or too large"),
    "a file of 2 MiB": ("#" * 2**21, "larger than 1,048,576 bytes"),
}  # fmt: skip
"""What the study file holds, and what must be said of it"""

BYTES = {
    "UTF-16, little endian": "name: tiny\n".encode("utf-16"),
    "UTF-16, big endian": codecs.BOM_UTF16_BE + "name: tiny\n".encode("utf-16-be"),
    "UTF-32": "name: tiny\n".encode("utf-32"),
    "Latin-1": "name: caf\u00e9\n".encode("latin-1"),
    "a lone continuation byte": b"name: \x80\n",
    "an overlong slash": b"name: \xc0\xaf\n",
    "an encoded surrogate": b"name: \xed\xa0\x80\n",
    "a character cut off": "name: tiny \u20ac".encode()[:-1],
    "a picture": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "an archive": b"PK\x03\x04\x14\0\0\0\x08\0\xff\xfe",
}


@pytest.mark.parametrize("wrong", TEXTS)
def test_study_file_is_refused(wrong: str, study: Path, refused: Refused) -> None:
    text, *parts = TEXTS[wrong]
    study.write_bytes(text.encode())

    said = refused("run", study)

    assert all(part in said for part in parts)


@pytest.mark.parametrize("wrong", BYTES)
def test_study_file_that_is_no_utf8_is_refused(wrong: str, study: Path, refused: Refused) -> None:
    study.write_bytes(BYTES[wrong])

    refused("run", study, saying="not a UTF-8 text")


@pytest.mark.parametrize("ending", ["seed: 1\nname: \u00e9\u00e9\n", "sede: 1\n"])
def test_mistake_is_found_behind_a_byte_order_mark(ending: str, study: Path, refused: Refused) -> None:
    study.write_bytes(codecs.BOM_UTF8 + ending.encode())

    refused("plan", study, saying="setting(s) cannot be used")
