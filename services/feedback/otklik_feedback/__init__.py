"""Feedback asks how it went.

It owns invitations, ratings and complaints, hears what was resolved, and says what customers
thought.
"""
