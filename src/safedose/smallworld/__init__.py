"""A closed small world in which harm is known by construction: grammar, data, suites, oracle, base."""
