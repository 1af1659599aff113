"""Desk is the web.

The customers' portal and the agents' desk: no database of its own, it calls the services over gRPC and
listens to their events to keep pages live.
"""
