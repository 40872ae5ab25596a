"""Tuning adapters on mixtures."""
