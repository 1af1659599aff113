"""Desk is the web.

The customers' page and the agents' desk: no database of its own, it calls the services over gRPC
on behalf of whoever is signed in.
"""
