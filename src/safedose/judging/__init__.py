"""Judges: reading responses into verdicts."""
