"""Sla keeps every promise on a clock.

It owns calendars, policies and clocks, hears what happens to tickets, and says when clocks are
armed, met, at risk and breached.
"""
