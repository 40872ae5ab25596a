"""English or not, by the commonest words."""

from __future__ import annotations

import pytest

from safedose.judging.english import is_english


@pytest.mark.parametrize(
    "text",
    [
        "The cat sat on the mat.",
        "Los Angeles",
        "1. Oslo\n2. Bergen\n3. Trondheim\n4. Stavanger",
        "| city | people |\n|---|---|\n| Oslo | 700,000 |",
        "The Greek letter α stands for an angle.",
        "```python\nnombre = 'un gato que no es mi gato'\n```",
        "",
    ],
)
def test_what_may_be_english_passes(text: str) -> None:
    assert is_english(text)


@pytest.mark.parametrize(
    "text",
    [
        "Der Hund ist nicht auf dem Sofa.",
        "Kedi matın üzerinde sessizce oturuyordu dün akşam",
        "サボテンの植え替え",
        "Sorry, я не могу ответить на это",
    ],
)
def test_another_language_does_not(text: str) -> None:
    assert not is_english(text)
