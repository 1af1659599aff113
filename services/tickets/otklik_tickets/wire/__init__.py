"""The only place that speaks both the domain and protobuf: one noun a module."""

from otklik_tickets.wire.events import event_message

__all__ = ["event_message"]
