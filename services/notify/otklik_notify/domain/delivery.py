"""One delivery and how far it got.

    queued ──begin──> sending ──accept──> accepted
      ^                  │ └────fail────> failed
      └── retry, return ─┘

`sending` is written down before the first byte leaves. Whoever dies in it leaves a lease behind;
when that runs out, nobody knows whether the mail left: the next attempt is marked in doubt and
carries the same Message-ID, so that the receiving side can drop the second copy.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from otklik_notify.domain.errors import DeliverySettled
from otklik_notify.domain.events import DeliveryAccepted, DeliveryFailed

BACKOFF = tuple(timedelta(seconds=seconds) for seconds in (1, 5, 30, 120, 600, 1800, 3600))
"""How long to wait after the first, second, ... attempt; the last one again and again."""

PATIENCE = timedelta(hours=24)
"""How long a delivery is tried."""


class State(StrEnum):
    """How far a delivery got."""

    QUEUED = "queued"
    SENDING = "sending"
    ACCEPTED = "accepted"
    FAILED = "failed"


class Verdict(StrEnum):
    """How an attempt ended."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    RETRY = "retry"
    NOT_BEGUN = "not_begun"


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of one attempt.

    Attributes:
        delivery_id: Of which delivery.
        attempt: Of which of its attempts: an answer to an older one is no longer asked for.
        verdict: How it ended.
        reason: A stable word for why, unless accepted.
        detail: What the server said, without personal data: its reply codes.
        in_doubt: The connection broke after the text had left: it may have been accepted.
        traceparent: The span of the attempt, which the story continues from.
    """

    delivery_id: str
    attempt: int
    verdict: Verdict
    reason: str = ""
    detail: str = ""
    in_doubt: bool = False
    traceparent: str = ""


@dataclass(kw_only=True)
class Delivery:
    """One message on its way to one person.

    Attributes:
        id: Follows from what it tells, so the same thing told again is the same delivery.
        due_at: When something has to happen: the next attempt while queued, the end of the lease
            while sending.
        traceparent: The trace it is told in.
    """

    id: str
    conversation_id: str
    template: str
    locale: str
    channel: str
    message_id: str
    internet_message_id: str
    created_at: datetime
    due_at: datetime
    state: State = State.QUEUED
    attempt_count: int = 0
    in_doubt: bool = False
    last_error: str = ""
    reason: str = ""
    accepted_at: datetime | None = None
    traceparent: str = ""

    @property
    def is_settled(self) -> bool:
        """Say whether nothing more can happen to it."""
        return self.state in {State.ACCEPTED, State.FAILED}

    def begin(self, now: datetime, *, lease: timedelta) -> None:
        """Begin an attempt; one whose lease ran out may have been sent, and is in doubt.

        Raises:
            DeliverySettled: it has ended.
        """
        self._must_not_be_settled()
        if self.state is State.SENDING:
            self.in_doubt = True
        self.state = State.SENDING
        self.attempt_count += 1
        self.due_at = now + lease

    def conclude(self, result: Result, now: datetime) -> DeliveryAccepted | DeliveryFailed | None:
        """Write down what came of an attempt; say what others must know.

        An answer to an attempt that another one has overtaken changes nothing, unless it is the
        good news that the mail was accepted.
        """
        if self.is_settled:
            return None
        self.traceparent = result.traceparent or self.traceparent
        if result.verdict is Verdict.ACCEPTED:
            return self._accept(now)
        if self.state is not State.SENDING or result.attempt != self.attempt_count:
            return None
        if result.verdict is Verdict.NOT_BEGUN:
            self.state, self.due_at = State.QUEUED, now
            return None
        self.in_doubt = self.in_doubt or result.in_doubt
        self.last_error = result.detail
        if result.verdict is Verdict.REFUSED:
            return self.fail(result.reason)
        return self._retry(result.reason, now)

    def fail(self, reason: str) -> DeliveryFailed:
        """Give it up for a stable reason.

        Raises:
            DeliverySettled: it has ended.
        """
        self._must_not_be_settled()
        self.state = State.FAILED
        self.reason = reason
        return DeliveryFailed(
            delivery_id=self.id,
            conversation_id=self.conversation_id,
            template=self.template,
            message_id=self.message_id,
            channel=self.channel,
            reason=reason,
            traceparent=self.traceparent,
        )

    def _accept(self, now: datetime) -> DeliveryAccepted:
        self.state = State.ACCEPTED
        self.accepted_at = now
        self.last_error = ""
        return DeliveryAccepted(
            delivery_id=self.id,
            conversation_id=self.conversation_id,
            template=self.template,
            message_id=self.message_id,
            channel=self.channel,
            internet_message_id=self.internet_message_id,
            in_doubt=self.in_doubt,
            traceparent=self.traceparent,
        )

    def _retry(self, reason: str, now: datetime) -> DeliveryFailed | None:
        wait = BACKOFF[min(self.attempt_count, len(BACKOFF)) - 1]
        if now + wait > self.created_at + PATIENCE:
            return self.fail(reason)
        self.state = State.QUEUED
        self.due_at = now + wait
        return None

    def _must_not_be_settled(self) -> None:
        if self.is_settled:
            raise DeliverySettled(self.id, self.state)
