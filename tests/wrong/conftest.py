"""Lets this folder's tests begin with a study that is right."""

from refusing import refused as refused
from refusing import right as right
from refusing import study as study
