"""Fakes that do what they are told, and the checks that every tuner, generator and judge must pass.

Use the fakes to run a study without a model, and the checks on your own: `check_judge(MyJudge())`. A
check raises AssertionError with a sentence that names the promise that is not kept; it asks for no more
than `safedose.interfaces` promises, and needs neither torch nor a network: the scripted server is on this machine.
"""

from safedose.testing.checks import (
    QUESTIONS,
    TEXTS,
    VALUES,
    check_generator,
    check_judge,
    check_tuner,
    questions,
    responses,
)  # fmt: skip
from safedose.testing.scripted import ScriptedGenerator, ScriptedJudge, ScriptedTuner
from safedose.testing.server import STEPS, ScriptedEndpoint

__all__ = [
    "QUESTIONS", "STEPS", "TEXTS", "VALUES", "ScriptedEndpoint", "ScriptedGenerator", "ScriptedJudge", "ScriptedTuner",
    "check_generator", "check_judge", "check_tuner", "questions", "responses",
]  # fmt: skip
