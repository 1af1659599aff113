"""Intake hears the world.

It stores the original of every message that reaches the organisation before anything else happens,
keeps the ledger of what became of it, and says `MessageReceived`. The first stop of the journey.
"""
