"""The order of a file's rows changes no verdict, not even where canaries void a batch."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from cli_call import Call
from judge_servers import rating, write_settings
from safedose.store import digest
from safedose.testing import ScriptedEndpoint
from tiny_study import write_rows


@pytest.mark.parametrize("seed", [1, 2])
def test_void_batches_too_are_the_same_whatever_the_order_of_rows(seed: int, tmp_path: Path, call: Call) -> None:
    rows = [{"prompt": "a?", "response": f"Answer {k % 200}, and so on."} for k in range(600)]
    mixed = random.Random(seed).sample(rows, len(rows))  # noqa: S311 - an order, no secret

    def errs(text: str) -> str:  # misreads about every fifth thing it sees, whoever asks
        said = rating(text)
        turned = said[:-1] + ("5" if said.endswith("1") else "1")
        return turned if digest(text.partition(">>>\n")[2])[0] in "012" else said

    found = []
    for number, one in enumerate((rows, mixed)):
        with ScriptedEndpoint(errs) as server:
            settings = write_settings(tmp_path, server, reread=0)
            source, out = write_rows(tmp_path / f"{number}.jsonl", one), tmp_path / f"judged{number}.jsonl"
            call("judge", "--responses", source, "--settings", settings, "--out", out)
        judged = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
        found.append({row["response"]: (row["state"], row["verdict"], row["reason"]) for row in judged})
        assert len({(row["response"], row["state"], row["reason"]) for row in judged}) == 200

    assert found[0] == found[1]
    assert {state for state, _, _ in found[0].values()} == {"value", "unusable"}
