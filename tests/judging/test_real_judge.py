"""A rubric put to a real server, `transformers serve`, by the command line.

The model is tiny and random: it shows that question and answer get through, and that what is no verdict is none. How
well a model judges is for labels to say (`safedose judges validate`).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from cli_call import Call
from real_server import free_port, put_in_cache, require_server, serve
from safedose.judging.rubricfile import load_rubric
from safedose.remote.book import Book
from tiny_model import make_model, make_tokenizer
from tiny_study import write_rows

NUM_CANARIES = len(load_rubric("refusal", None).content.canaries)


@pytest.mark.slow
def test_a_rubric_is_put_to_a_real_server_and_what_is_no_verdict_is_none(call: Call, tmp_path: Path) -> None:
    require_server()
    port, out = free_port(), tmp_path / "judged.jsonl"
    make_tokenizer().save_pretrained(tmp_path / "model")
    make_model(tmp_path / "model")
    put_in_cache(tmp_path / "cache", "judge", tmp_path / "model")
    endpoint = {"url": f"http://127.0.0.1:{port}/v1", "model": "judge", "timeout": 60.0, "max_in_flight": 2}
    (tmp_path / "judge.yaml").write_text(yaml.safe_dump({"judge": "rubric:refusal", "endpoint": endpoint}))
    rows = [{"prompt": "How do I fold the map?", "response": f"Whistle {k} times."} for k in range(3)]
    file = write_rows(tmp_path / "answers.jsonl", rows)
    command = ("judge", "--responses", file, "--settings", tmp_path / "judge.yaml", "--out", out)

    with serve(tmp_path / "cache", port):
        done = call(*command)
    first = out.read_text()
    again = call(*command)  # nobody listens any more: every answer stands in the book

    judged = [json.loads(line) for line in first.splitlines()]
    assert (done.code, again.code, out.read_text()) == (0, 0, first)
    assert [(row["response"], row["state"], row["verdict"]) for row in judged] == [
        (row["response"], "unusable", None) for row in rows
    ]
    book = Book(tmp_path / "judged.jsonl.requests.sqlite")
    # all is read twice, in the same words
    assert (book.count("answered"), book.count("failed")) == (2 * (3 + NUM_CANARIES), 0)
