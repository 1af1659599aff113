"""Feedback's database, step by step: forward only, each usable by the version before it."""
