"""kill -9 at every step, at random moments, of any process: every due reminder is sent, and once but for one case."""
