"""Test suites: prompts with the behaviour a good model shows."""
