"""Intake's migrations: forward only, numbered, one head."""
