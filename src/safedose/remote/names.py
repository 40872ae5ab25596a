"""Which model answered: servers write the name they were asked for in ways of their own."""

from __future__ import annotations

import re

_LATEST = "-latest"
_MOST_SIGNS = 1000

_DATE = r"[-@:](?:20\d\d-?[01]\d-?[0-3]\d|[01]\d[0-3]\d|2\d[01]\d)"
_VERSION = r"[-@:]v?\d[\d.-]*"

_FILE = r"(?:[.-](?:i?q\d\w*|bf16|fp?16|fp?32))?(?:-\d{5}-of-\d{5})?\.gguf"
"""How the name of a model's file ends, for llama.cpp: the width of its weights, one part of several, the format."""


def is_same_model(told: str, asked: str) -> bool:
    """Say whether a model's name in a reply is the one that was asked for, or one that stands for the same model.

    That is the name, in whatever case, and

    * behind a path: `org/name`, `models/name`, a folder that ends in it; or without the path that was asked for;
    * before a date: `-2024-08-06`, `-20241022`, `-0613`, `-2411`, also after `@` or `:`; where the `-latest` of a name
      was asked for, also before any version in digits, such as `-007`;
    * before `@` and the revision of a repository (transformers), before or without the tag `:latest` (Ollama);
    * as the name of a file in GGUF (llama.cpp).

    Any other ending is another model: `gpt-4o-mini` does not stand for `gpt-4o`.
    """
    if len(told) > _MOST_SIGNS:
        return False
    ours, theirs = asked.casefold().removesuffix(":latest"), told.casefold().replace("\\", "/").rstrip("/")
    plain = ours.removesuffix(_LATEST)
    endings = ["", re.escape(_LATEST), _VERSION] if plain != ours else [""]
    names = {plain, plain.rpartition("/")[2]} if "/" not in theirs else {plain}
    ending = rf"(?:{'|'.join(endings)})(?:{_DATE})?(?:@[^/]*|:latest|{_FILE})?"
    return any(re.fullmatch(rf"(?:.*/)?{re.escape(name)}{ending}", theirs) for name in names if name)
