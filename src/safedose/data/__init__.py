"""Training sources and readers: where rows come from."""
