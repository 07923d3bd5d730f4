"""What was done to an earlier version by penetration testers, and its siblings: each by the number of its report."""
