"""Which arms a study has, and in which order they are made."""
