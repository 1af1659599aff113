"""What notify says."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class DeliveryAccepted:
    """The receiving side accepted a delivery."""

    delivery_id: str
    conversation_id: str
    template: str
    message_id: str
    channel: str
    internet_message_id: str
    in_doubt: bool
    traceparent: str


@dataclass(frozen=True, kw_only=True)
class DeliveryFailed:
    """A delivery will not be tried again."""

    delivery_id: str
    conversation_id: str
    template: str
    message_id: str
    channel: str
    reason: str
    traceparent: str


Event = DeliveryAccepted | DeliveryFailed
