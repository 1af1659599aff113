"""Notify tells people.

It owns templates and every outgoing delivery, hears what happened anywhere, and says what became of
each delivery.
"""
