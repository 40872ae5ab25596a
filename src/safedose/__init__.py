"""safedose measures how much safety data a fine-tune needs.

It mixes doses of safety data into instruction data, tunes one adapter per dose, lets each answer test
prompts, judges the answers, estimates rates with intervals and recommends the smallest dose that is
safe enough and still helpful. Importing it loads nothing heavy.
"""

__version__ = "0.1.0"
