"""Signed tokens for mail and the pages they open."""

from datetime import datetime, timedelta

from otklik_runtime.key_ring import KeyRing

CUSTOMER_LINK_LIFE = timedelta(days=90)


class SignedLinks:
    """Signs with the key ring that intake, desk and feedback verify with."""

    def __init__(self, ring: KeyRing, *, desk_url: str, feedback_url: str) -> None:
        self._ring = ring
        self._desk_url = desk_url.rstrip("/")
        self._feedback_url = feedback_url.rstrip("/")

    def thread_token(self, conversation_id: str) -> str:
        """Sign a conversation, for mail addresses and Message-IDs; it never expires."""
        return self._ring.sign("thread", conversation_id, None)

    def bounce_token(self, delivery_id: str) -> str:
        """Sign a delivery, for the address its bounce comes back to."""
        return self._ring.sign("bounce", delivery_id, None)

    def conversation_page(self, conversation_id: str, now: datetime) -> str:
        """Give the address of the customer's page, good for 90 days."""
        token = self._ring.sign("customer-link", conversation_id, now + CUSTOMER_LINK_LIFE)
        return f"{self._desk_url}/c/{token}"

    def rating_page(self, survey_id: str, expires_at: datetime) -> str:
        """Give the address of the page where a survey is answered."""
        token = self._ring.sign("survey", survey_id, expires_at)
        return f"{self._feedback_url}/r/{token}"
