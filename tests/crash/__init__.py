"""kill -9 at every step, at any moment, of any process: what was owed is told, and told once but for one case."""
