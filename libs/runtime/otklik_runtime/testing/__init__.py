"""Real servers from wheels, for tests and for the local stack alike."""
