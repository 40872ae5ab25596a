"""Files that cannot be read: what is in each, where the trouble is, and what is said about it.

A place is written as `row 2 @17`: behind the path of the file, and the byte offset.
"""

from __future__ import annotations

Bad = tuple[bytes, str, str]

GOOD = b'{"a": 1}\n'
NOT_JSON = "this is not JSON as it should be"
CUT = "cut off"
ON = "the file goes on behind its end"
NUL = "there is a NUL byte"
HALF = "a string holds half of a surrogate pair"
DIGITS = "a whole number has thousands of digits"
DEEP = "it is nested deeper than 100 levels"
EMPTY = "the file holds no rows"

JSONL: dict[str, Bad] = {
    "Latin-1": (GOOD + b'{"a": "\xe9"}\n', "row 2 @16", "byte 0xe9 is not UTF-8"),
    "Windows-1252": (b'{"a": "\x93x\x94"}\n', "row 1 @7", "byte 0x93 is not UTF-8"),
    "Shift-JIS": (b'{"a": "\x93\xfa\x96{"}\n', "row 1 @7", "byte 0x93 is not UTF-8"),
    "a surrogate in UTF-8": (b'{"a": "\xed\xa0\xbd"}\n', "row 1 @7", "byte 0xed is not UTF-8"),
    "an overlong NUL": (b'{"a": "\xc0\x80"}\n', "row 1 @7", "byte 0xc0 is not UTF-8"),
    "beyond Unicode": (b'{"a": "\xf5\x80\x80\x80"}\n', "row 1 @7", "byte 0xf5 is not UTF-8"),
    "a character cut at the end": (GOOD + b'{"a": "\xe2\x82', "row 2 @16", "byte 0xe2 is not UTF-8"),
    "a mark in the middle": (GOOD + b'\xef\xbb\xbf{"a": 1}\n', "row 2 @9", NOT_JSON),
    "two marks": (b'\xef\xbb\xbf\xef\xbb\xbf{"a": 1}\n', "row 1 @3", NOT_JSON),
    "half a mark": (b'\xef\xbb{"a": 1}\n', "row 1 @0", "byte 0xef is not UTF-8"),
    "NUL in a string": (GOOD + b'{"a": "x\x00y"}\n', "row 2 @17", NUL),
    "NUL behind the rows": (GOOD + b"\x00\x00\x00\x00\x00", "row 2 @9", NUL),
    "only NUL": (b"\x00\x00\x00\x00\x00\x00\x00\x00", "row 1 @0", NUL),
    "lone CR": (b'{"a": 1}\r{"a": 2}\r', "row 1 @9", "the line goes on behind its object"),
    "a raw line feed in a string": (b'{"a": "x\ny"}\n', "row 1 @8", NOT_JSON),
    "a raw tab in a string": (b'{"a": "x\ty"}\n', "row 1 @8", NOT_JSON),
    "a raw CR in a string": (b'{"a": "x\ry"}\n', "row 1 @8", NOT_JSON),
    "a vertical tab as blank line": (GOOD + b"\x0b\n", "row 2 @9", NOT_JSON),
    "U+0085 as blank line": (GOOD + b"\xc2\x85\n", "row 2 @9", NOT_JSON),
    "U+2028 as blank line": (GOOD + b"\xe2\x80\xa8\n", "row 2 @9", NOT_JSON),
    "a no-break space as blank line": (GOOD + b"\xc2\xa0\n", "row 2 @9", NOT_JSON),
    "the first half of a pair": (GOOD + b'{"a": "x\\ud83d"}\n', "row 2 @17", HALF),
    "the second half of a pair": (b'{"a": "\\ude00"}\n', "row 1 @7", HALF),
    "a pair in the wrong order": (b'{"a": "\\ude00\\ud83d"}\n', "row 1 @7", HALF),
    "half a pair before a pair": (b'{"a": "\\ud83d\\ud83d\\ude00"}\n', "row 1 @7", HALF),
    "half a pair in a key": (b'{"\\udc00": 1}\n', "row 1 @2", HALF),
    "half a pair deep down": (b'{"a": [{"b": ["\\uD800"]}]}\n', "row 1 @15", HALF),
    "half a pair after a backslash": (b'{"a": "\\\\\\ud800"}\n', "row 1 @9", HALF),
    "half a pair before an escaped letter": (b'{"a": "\\ud83d\\u0041"}\n', "row 1 @7", HALF),
    "a key twice through an escape": (b'{"a": 1, "\\u0061": 2}\n', "row 1 @0", "the key 'a' stands twice"),
    "an empty key twice": (b'{"": 1, "": 2}\n', "row 1 @0", "the key '' stands twice"),
    "a key twice in a list": (b'{"a": [1, {"b": 1, "b": 1}]}\n', "row 1 @0", "the key 'b' stands twice"),
    "a key twice with equal values": (b'{"a": 1, "a": 1}\n', "row 1 @0", "the key 'a' stands twice"),
    "a key thrice": (b'{"a": 1, "b": 2, "b": 2, "b": 3}\n', "row 1 @0", "the key 'b' stands twice"),
    "a long key twice": (
        b'{"' + b"k" * 9999 + b'": 1, "' + b"k" * 9999 + b'": 2}\n',
        "row 1 @0",
        "the key 'kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk",
    ),
    "NaN deep down": (b'{"a": {"b": [NaN]}}\n', "row 1 @0", "NaN is not a JSON number"),
    "NaN as row": (b"NaN\n", "row 1 @0", "NaN is not a JSON number"),
    "nan in small letters": (b'{"a": nan}\n', "row 1 @6", NOT_JSON),
    "a float that overflows downwards": (b'{"a": -1e400}\n', "row 1 @0", "-1e400 is too large for a number"),
    "a long float that overflows": (
        b'{"a": ' + b"9" * 400 + b".5}\n",
        "row 1 @0",
        "9999999999999999999999999999999999999999",
    ),
    "5,000 digits": (GOOD + b'{"a": ' + b"7" * 5000 + b"}\n", "row 2 @9", DIGITS),
    "minus 5,000 digits": (b'{"a": -' + b"7" * 5000 + b"}\n", "row 1 @0", DIGITS),
    "100k lists": (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n", "row 1 @0", DEEP),
    "100k objects": (b'{"a": ' * 100_000 + b"1" + b"}" * 100_000 + b"\n", "row 1 @0", DEEP),
    "101 levels": (b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}\n", "row 1 @0", DEEP),
    "one quote": (b"{'a': 1}\n", "row 1 @1", NOT_JSON),
    "a missing colon": (b'{"a" 1}\n', "row 1 @5", NOT_JSON),
    "a missing value": (b'{"a":}\n', "row 1 @5", NOT_JSON),
    "a missing comma": (b'{"a": 1 "b": 2}\n', "row 1 @8", NOT_JSON),
    "a bare word": (b'{"a": yes}\n', "row 1 @6", NOT_JSON),
    "a bare key": (b"{a: 1}\n", "row 1 @1", NOT_JSON),
    "a leading zero": (b'{"a": 01}\n', "row 1 @7", NOT_JSON),
    "a leading plus": (b'{"a": +1}\n', "row 1 @6", NOT_JSON),
    "a lonely minus": (b'{"a": -}\n', "row 1 @6", NOT_JSON),
    "a bare point": (b'{"a": .5}\n', "row 1 @6", NOT_JSON),
    "a trailing point": (b'{"a": 5.}\n', "row 1 @7", NOT_JSON),
    "a hexadecimal number": (b'{"a": 0x10}\n', "row 1 @7", NOT_JSON),
    "an unknown escape": (b'{"a": "\\x41"}\n', "row 1 @7", NOT_JSON),
    "a short escape": (b'{"a": "\\u12"}\n', "row 1 @8", NOT_JSON),
    "a comment": (b'// x\n{"a": 1}\n', "row 1 @0", NOT_JSON),
    "two objects in a line": (b'{"a": 1}{"b": 2}\n', "row 1 @8", "the line goes on behind its object"),
    "a comma between lines": (b'{"a": 1},\n{"a": 2}\n', "row 1 @8", "the line goes on behind its object"),
    "an open string": (b'{"a": "x}\n', "row 1 @9", NOT_JSON),
    "an open object": (b'{"a": 1\n{"a": 2}\n', "row 1 @8", NOT_JSON),
    "a closed list": (b'{"a": [1}\n', "row 1 @8", NOT_JSON),
    "a list over lines": (b'[\n{"a": 1}\n]\n', "row 1 @2", NOT_JSON),
    "an indented object": (b'{\n "a": 1\n}\n', "row 1 @2", NOT_JSON),
    "a word for a row": (b'"a"\n', "row 1 @0", "the row is a text"),
    "a number for a row": (b"7\n", "row 1 @0", "the row is a number"),
    "null for a row": (b"null\n", "row 1 @0", "the row is null"),
    "true for a row": (b"true\n", "row 1 @0", "the row is true or false"),
    "digits of another script": (b'{"a": \xd9\xa3}\n', "row 1 @6", NOT_JSON),
    "Python's None": (b"{'a': None}\n", "row 1 @1", NOT_JSON),
    "Python's True": (b'{"a": True}\n', "row 1 @6", NOT_JSON),
    "HTML": (b"<!DOCTYPE html>\n<html>\n", "the first line @0", "this is a web page, not a text"),
    "CSV": (b"a,b\n1,2\n", "row 1 @0", NOT_JSON),
    "a Git LFS pointer": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
        "the first line @0",
        "this is a pointer of Git LFS in place of",
    ),
}

JSON: dict[str, Bad] = {
    "Latin-1": (b'[{"a": 1},\n{"a": "\xe9"}]\n', "row 2 @18", "byte 0xe9 is not UTF-8"),
    "GBK": (b'[{"a": "\xd6\xd0\xce\xc4"}]', "row 1 @8", "byte 0xd6 is not UTF-8"),
    "a byte of no UTF-8": (b'[{"a": "\xfe"}]', "row 1 @8", "byte 0xfe is not UTF-8"),
    "a character cut at the end": (b'[{"a": "\xe2\x82', "row 1 @8", "byte 0xe2 is not UTF-8"),
    "two marks": (b"\xef\xbb\xbf\xef\xbb\xbf[]", "the whole file @3", NOT_JSON),
    "NUL in a string": (b'[{"a": 1}, {"a": "x\x00y"}]', "row 2 @19", NUL),
    "NUL between rows": (b'[{"a": 1},\x00{"a": 2}]', "row 2 @10", NUL),
    "NUL behind the list": (b'[{"a": 1}]\x00\x00', "the whole file @10", NUL),
    "only NUL": (b"\x00\x00\x00\x00\x00\x00\x00\x00", "the whole file @0", NUL),
    "a raw line feed in a string": (b'[{"a": "x\ny"}]', "row 1 @9", NOT_JSON),
    "a no-break space before the list": (b"\xc2\xa0[]", "the whole file @0", NOT_JSON),
    "half a pair": (b'[{"a": 1}, {"a": "x\\ud83d"}]', "row 2 @19", HALF),
    "a key twice": (b'[{"a": 1}, {"a": 1, "a": 2}]', "row 2 @11", "the key 'a' stands twice"),
    "a key twice beside the list": (
        b'{"v": 1, "v": 2, "rows": [{"a": 1}]}',
        "the whole file @9",
        "the key 'v' stands twice",
    ),
    "Infinity": (b'[{"a": Infinity}]', "row 1 @1", "Infinity is not a JSON number"),
    "an overflow": (b'[{"a": 1e400}]', "row 1 @1", "1e400 is too large for a number"),
    "5,000 digits": (b'[{"a": ' + b"7" * 5000 + b"}]", "row 1 @1", DIGITS),
    "5,000 digits beside the list": (b'{"n": ' + b"7" * 5000 + b', "rows": [{"a": 1}]}', "the whole file @6", DIGITS),
    "100k lists": (b'[{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}]", "row 1 @1", DEEP),
    "100k lists that stay open": (b"[" * 100_000, "row 1 @1", DEEP),
    "100k objects": (b"[" + b'{"a": ' * 100_000 + b"1" + b"}" * 100_000 + b"]", "row 1 @1", DEEP),
    "101 levels": (b'[{"a": ' + b"[" * 100 + b"]" * 100 + b"}]", "row 1 @1", DEEP),
    "an ellipsis": (b'[{"a": 1}, ...]', "row 2 @11", NOT_JSON),
    "a trailing comma": (b'[{"a": 1},]', "row 2 @10", NOT_JSON),
    "a leading comma": (b'[,{"a": 1}]', "row 1 @1", NOT_JSON),
    "no comma": (b'[{"a": 1} {"a": 2}]', "row 1 @10", NOT_JSON),
    "a missing bracket": (b'[{"a": 1}', "row 1 @9", CUT),
    "a missing brace": (b'[{"a": 1', "row 1 @8", CUT),
    "an open key": (b'[{"a', "row 1 @2", CUT),
    "a bracket too many": (b'[{"a": 1}]]', "the whole file @10", ON),
    "a second list": (b'[{"a": 1}][{"a": 2}]', "the whole file @10", ON),
    "one object a line": (GOOD + b'{"a": 2}\n', "the whole file @9", ON),
    "a list of lists": (b"[[1, 2]]", "row 1 @1", "the row is a list"),
    "a list of numbers": (b"[1, 2]", "row 1 @1", "the row is a number"),
    "a mixed list": (b'[{"a": 1}, null]', "row 2 @11", "the row is null"),
    "an empty list": (b"[]", "the whole file", EMPTY),
    "an object with an empty list": (b'{"rows": []}', "the whole file", EMPTY),
    "an empty object": (b"{}", "the whole file @2", "0 values of the object are lists (none)"),
    "an object of objects": (b'{"a": {"b": 1}}', "the whole file @15", "0 values of the object are lists (none)"),
    "two lists of rows": (
        b'{"a": [{"x": 1}], "b": [{"x": 1}]}',
        "the whole file @23",
        "2 values of the object are lists ('a', 'b')",
    ),
    "a list, then rubbish": (b'{"a": [{"x": 1}], x}', "the whole file @18", NOT_JSON),
    "an object cut after its list": (b'{"a": [{"x": 1}]', "the whole file @16", CUT),
    "an object cut in a key": (b'{"a": 1, "b', "the whole file @9", CUT),
    "an object cut after a colon": (b'{"a": [{"x": 1}], "b":', "the whole file @22", CUT),
    "a key that is a number": (b'{1: [{"x": 1}]}', "the whole file @1", NOT_JSON),
    "a closing brace for a bracket": (b'[{"a": 1}}', "row 1 @9", NOT_JSON),
    "null": (b"null", "the whole file @0", "the file holds null, not a list of rows"),
    "a text": (b'"abc"', "the whole file @0", "the file holds a text, not a list of rows"),
    "true cut": (b"tru", "the whole file @0", NOT_JSON),
    "only a bracket": (b"[", "row 1 @1", CUT),
    "only a brace": (b"{", "the whole file @1", CUT),
    "a row cut in a word": (b'[{"a": tru', "row 1 @7", NOT_JSON),
    "a row cut in an escape": (b'[{"a": "\\u12', "row 1 @9", NOT_JSON),
    "a row cut behind a comma": (b'[{"a": 1},', "row 2 @10", CUT),
}

CSV: dict[str, Bad] = {
    "Latin-1": (b"a,b\n1,\xe9\n", "row 1, line 2 @6", "byte 0xe9 is not UTF-8"),
    "KOI8-R": (b"a\n\xd0\xd2\xc9\xd7\xc5\xd4\n", "row 1, line 2 @2", "byte 0xd0 is not UTF-8"),
    "a header in Latin-1": (b"\xe9,b\n1,2\n", "the header @0", "byte 0xe9 is not UTF-8"),
    "a surrogate pair in UTF-8 (CESU-8)": (
        b"a\n\xed\xa0\xbd\xed\xb8\x80\n",
        "row 1, line 2 @2",
        "byte 0xed is not UTF-8",
    ),
    "a character cut at the end": (b"a\nx\n\xe2\x82", "row 2, line 3 @4", "byte 0xe2 is not UTF-8"),
    "NUL in a quoted cell": (b'a,b\n1,"x\n\x00y"\n', "row 1, line 2 @9", NUL),
    "NUL in a header": (b"a,b\x00\n1,2\n", "the header @3", NUL),
    "only NUL": (b"\x00\x00\x00\x00\x00\x00\x00\x00", "the header @0", NUL),
    "lone CR": (b"a,b\r1,2\r3,4\r", "the header @0", "this is not CSV: a lone CR stands outside of quotes"),
    "lone CR in a row": (
        b"a,b\n1,2\r3,4\n",
        "row 1, line 2 @4",
        "this is not CSV: a lone CR stands outside of quotes",
    ),
    "a cell beyond the limit": (
        b'a\n1\n"' + b"x" * 200_000 + b'"\n',
        "row 2, line 3 @4",
        "this is not CSV: a cell is longer than 131072 characters",
    ),
    "a quote that swallows the file": (
        b'a,b\n1,"x\n' + b"2,y\n" * 50_000,
        "row 1, line 2 @4",
        "this is not CSV: a cell is longer than 131072 characters",
    ),
    "a cell too many": (b"a,b\n1,2,3\n", "row 1, line 2 @4", "the row has 3 cells and the header 2"),
    "a cell too few": (b"a,b\n1,2\n3\n", "row 2, line 3 @8", "the row has 1 cells and the header 2"),
    "a row cut": (b"a,b\n1,2\n3", "row 2, line 3 @8", "the row has 1 cells and the header 2"),
    "an open quote": (b'a,b\n1,"2\n3,4\n', "row 1, line 2 @4", "this is not CSV: a quote is not closed"),
    "a quote inside a cell": (b'a,b\n1,"2"x\n', "row 1, line 2 @4", "this is not CSV: ',' expected after '\"'"),
    "a quote behind a space": (b'a,b\n1,"2" \n', "row 1, line 2 @4", "this is not CSV: ',' expected after '\"'"),
    "a name twice": (b"a,b,a\n1,2,3\n", "the header @0", "a column name stands twice or is empty: 'a'"),
    "an empty name": (b"a,,b\n1,2,3\n", "the header @0", "a column name stands twice or is empty: ''"),
    "a trailing comma in the header": (b"a,b,\n1,2,3\n", "the header @0", "a column name stands twice or is empty: ''"),
    "a blank first line": (b"\na,b\n1,2\n", "the header @0", "the first line is blank"),
    "a header without an end": (b"a,b", "the whole file", EMPTY),
    "an open quote in the header": (b'a,"b\n1,2\n', "the header @0", "this is not CSV: a quote is not closed"),
    "only line breaks": (b"\n\n\n", "the header @0", "the first line is blank"),
    "a row of other width after long cells": (
        b'a,b\n"x\n\ny",2\n"z\n"\n',
        "row 2, line 5 @13",
        "the row has 1 cells and the header 2",
    ),
    "semicolons in the rows": (b"a,b\n1;2\n", "row 1, line 2 @4", "the row has 1 cells and the header 2"),
    "a second header of another width": (
        b"a,b\n1,2\na,b,c\n1,2,3\n",
        "row 2, line 3 @8",
        "the row has 3 cells and the header 2",
    ),
}

FILES = {
    f"{name} ({kind})": (f"a.{kind.lower()}", *bad)
    for kind, files in {"JSONL": JSONL, "JSON": JSON, "CSV": CSV}.items()
    for name, bad in files.items()
}
"""Every one of them: its name, and what is above."""

OTHER_CONTENTS = {
    "a file packed by gzip": b"\x1f\x8b\x08\0",
    "a file packed by zstd": b"\x28\xb5\x2f\xfd",
    "a zip archive or an Excel sheet": b"PK\3\4",
    "a Parquet file": b"PAR1",
    "a PDF file": b"%PDF-1.7",
    "a web page": b"<html>",
}

ENCODINGS = {
    "UTF-16 with a mark": ("utf-16", b"", "UTF-16"),
    "UTF-16, little end first": ("utf-16-le", b"", "UTF-16"),
    "UTF-16, big end first": ("utf-16-be", b"", "UTF-16"),
    "UTF-16, big end first, with a mark": ("utf-16-be", b"\xfe\xff", "UTF-16"),
    "UTF-32 with a mark": ("utf-32", b"", "UTF-32"),
    "UTF-32, little end first": ("utf-32-le", b"", "UTF-32"),
    "UTF-32, big end first": ("utf-32-be", b"", "UTF-32"),
    "UTF-32, big end first, with a mark": ("utf-32-be", b"\0\0\xfe\xff", "UTF-32"),
    "Latin-1": ("latin-1", b"", "Latin-1 or Windows-1252"),
    "Windows-1252": ("cp1252", b"", "Latin-1 or Windows-1252"),
}
"""How a file was saved: the codec, what is put before, and what the message calls it."""

TEXTS = {
    "a.jsonl": '{"a": 1}\n{"a": "é"}\n', "a.json": '[{"a": "é"}]', "a.csv": "a,b\n1,é\n", "a.csv.gz": "a,b\n1,é\n",
}  # fmt: skip
