"""Which names in a reply stand for the model that was asked."""

from __future__ import annotations

import pytest

from safedose.remote.names import is_same_model

SAME = [
    ("gpt-4o", "gpt-4o"),
    ("gpt-4o", "gpt-4o-2024-08-06"),
    ("gpt-4", "gpt-4-0613"),
    ("gpt-4o", "openai/gpt-4o"),
    ("openai/gpt-4o", "gpt-4o-2024-08-06"),
    ("claude-3-5-sonnet", "claude-3-5-sonnet-20241022"),
    ("claude-3-opus", "claude-3-opus@20240229"),
    ("claude-3-opus", "anthropic/claude-3-opus:20240229"),
    ("claude-3-5-sonnet-latest", "claude-3-5-sonnet-20241022"),
    ("mistral-large-latest", "mistral-large-2411"),
    ("mistral-large-latest", "mistral-large-latest"),
    ("omni-moderation-latest", "omni-moderation-2024-09-26"),
    ("text-moderation-latest", "text-moderation-007"),
    ("gemini-pro", "models/gemini-pro"),
    ("llama3", "llama3:latest"),
    ("llama3:latest", "llama3"),
    ("Llama-Guard-3-8B", "/srv/models/Llama-Guard-3-8B"),
    ("org/Model-1B", "/srv/models/org/Model-1B/"),
    ("Model-1B", "C:\\models\\model-1b-Q4_K_M.gguf"),
    ("model-1b", "models/Model-1B.f16-00001-of-00003.gguf"),
    ("org/model", "org/model@main"),
]
OTHER = [
    ("gpt-4o", "gpt-4o-mini"),
    ("gpt-4o", "gpt-4o-mini-2024-07-18"),
    ("gpt-4", "gpt-4o"),
    ("gpt-4", "gpt-4-32k"),
    ("o1", "o1-mini"),
    ("o1", "foo1"),
    ("gpt-4o-latest", "gpt-4o-mini-latest"),
    ("gpt-4o-2024-08-06", "gpt-4o-2024-05-13"),
    ("org/model", "other/model"),
    ("org/model", "model-v2"),
    ("llama3", "llama3:8b"),
    ("llama", "llama/other"),
    ("base", "database"),
    ("base", ""),
    ("a.b", "a-b"),
    ("base", "/" * 2000 + "base"),
]


@pytest.mark.parametrize(("asked", "told"), SAME)
def test_a_name_with_a_path_a_date_or_a_file_ending_is_the_same_model(asked: str, told: str) -> None:
    assert is_same_model(told, asked)


@pytest.mark.parametrize(("asked", "told"), OTHER)
def test_a_name_that_goes_on_otherwise_is_another_model(asked: str, told: str) -> None:
    assert not is_same_model(told, asked)
