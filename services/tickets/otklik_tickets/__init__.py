"""Tickets decides what a message becomes.

It owns customers, the catalogue and tickets with their state, hears what intake received, and says
`TicketOpened` and everything that happens to a ticket afterwards.
"""
