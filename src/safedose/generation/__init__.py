"""Letting arms answer prompts, here or elsewhere."""
