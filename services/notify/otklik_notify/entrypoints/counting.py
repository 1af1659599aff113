"""What notify counts, declared before it is counted."""

from collections import Counter

from otklik_notify.handlers.deliver import Concluded
from otklik_notify.handlers.tell import Told
from otklik_runtime import metrics, telemetry

ACKNOWLEDGEMENTS = metrics.declare(
    "otklik.acknowledgement.settled",
    "counter",
    "{acknowledgement}",
    "Acknowledgements sent, sent without a deadline because the clocks did not come, or not sent.",
    attributes=("outcome",),
)
QUEUED = metrics.declare(
    "otklik.delivery.queued", "counter", "{delivery}", "Deliveries written down to be sent."
)
ACCEPTED = metrics.declare(
    "otklik.delivery.accepted", "counter", "{delivery}", "Deliveries the receiving side accepted."
)
FAILED = metrics.declare(
    "otklik.delivery.failed",
    "counter",
    "{delivery}",
    "Deliveries given up.",
    attributes=("reason",),
)
RETRIED = metrics.declare(
    "otklik.delivery.retried", "counter", "{attempt}", "Attempts that will be repeated."
)
IN_DOUBT = metrics.declare(
    "otklik.delivery.in_doubt",
    "counter",
    "{attempt}",
    "Attempts for deliveries that may have been sent before: the receiver may have them twice.",
)
WAITED = metrics.declare("otklik.delivery.wait", "histogram", "s", "From queued to accepted.")


def told(result: Told) -> None:
    """Count what was queued."""
    if result.queued:
        telemetry.count(QUEUED, result.queued)
    for reason in result.failed:
        telemetry.count(FAILED, reason=reason)
    for outcome, count in Counter(result.acknowledgements).items():
        telemetry.count(ACKNOWLEDGEMENTS, count, outcome=str(outcome))


def concluded(result: Concluded) -> None:
    """Count what became of attempts."""
    if result.waited:
        telemetry.count(ACCEPTED, len(result.waited))
    for seconds in result.waited:
        telemetry.duration(WAITED, seconds)
    for reason in result.failed:
        telemetry.count(FAILED, reason=reason)
    if result.again:
        telemetry.count(RETRIED, result.again)


def begun(in_doubt: int) -> None:
    """Count attempts for deliveries that may have been sent before."""
    if in_doubt:
        telemetry.count(IN_DOUBT, in_doubt)
