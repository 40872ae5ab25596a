"""Lets this folder's tests use the tiny model, alone or together with all others."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tiny_model import tiny_base  # noqa: E402, F401 - the fixture
