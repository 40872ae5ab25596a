"""Servers that speak the OpenAI API: what is asked of them, recorded, paced, paid for and repeated."""
