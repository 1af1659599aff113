"""What feedback counts, declared before it is counted."""

from collections.abc import Sequence

from otklik_feedback.domain import RatingGiven, Survey
from otklik_runtime import metrics, telemetry

SURVEYS = metrics.declare(
    "otklik.survey.decided",
    "counter",
    "{survey}",
    "Resolutions about which a customer was asked, or was not and why.",
    attributes=("state", "reason"),
)
RATINGS = metrics.declare(
    "otklik.rating.given", "counter", "{rating}", "Ratings given.", attributes=("score",)
)


def decided(surveys: Sequence[Survey]) -> None:
    """Count new surveys."""
    for survey in surveys:
        telemetry.count(SURVEYS, state=str(survey.state), reason=str(survey.skip_reason))


def rated(given: RatingGiven | None) -> None:
    """Count a rating, if one was given."""
    if given is not None:
        telemetry.count(RATINGS, score=given.score)
