"""Chaos: everything is killed, cut and wiped under load, and an external ledger judges."""
