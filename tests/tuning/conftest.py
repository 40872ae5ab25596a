"""Lets this folder's tests use the tiny model."""

from tiny_model import tiny_base as tiny_base
