"""What HTTP makes of an error: a status and a document of RFC 9457.

This is the HTTP transport's one table of kinds; services raise facts and never name a status.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from otklik_runtime import errors

TYPE_PREFIX = "https://otklik.dev/errors/"
MEDIA_TYPE = "application/problem+json"

_STATUS: Mapping[type[errors.OtklikError], HTTPStatus] = {
    errors.InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.Unauthenticated: HTTPStatus.UNAUTHORIZED,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.RuleBroken: HTTPStatus.CONFLICT,
    errors.LimitExceeded: HTTPStatus.TOO_MANY_REQUESTS,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One refusal, as it is told to an HTTP client."""

    status: int
    code: str
    detail: str
    facts: Mapping[str, str] = field(default_factory=dict)
    violations: tuple[tuple[str, str], ...] = ()
    retry_after_seconds: int | None = None

    def document(self) -> dict[str, Any]:
        """Give the document of RFC 9457."""
        document: dict[str, Any] = {
            "type": TYPE_PREFIX + self.code,
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        if self.facts:
            document["facts"] = dict(self.facts)
        if self.violations:
            document["errors"] = [
                {"field": where, "detail": what} for where, what in self.violations
            ]
        return document

    def headers(self) -> dict[str, str]:
        """Give the headers that go with it."""
        headers = {"content-type": MEDIA_TYPE, "cache-control": "no-store"}
        if self.retry_after_seconds is not None:
            headers["retry-after"] = str(self.retry_after_seconds)
        if self.status == HTTPStatus.UNAUTHORIZED:
            headers["www-authenticate"] = (
                f'Bearer error="invalid_token", error_description="{self.code}"'
            )
        return headers


def of_error(error: errors.OtklikError) -> Problem:
    """Tell a known error."""
    status = next(
        (status for kind, status in _STATUS.items() if isinstance(error, kind)),
        HTTPStatus.INTERNAL_SERVER_ERROR,
    )
    facts = {name: str(value) for name, value in error.facts.items() if name not in _STRUCTURED}
    retry = error.facts.get("retry_after_seconds")
    if retry is None and isinstance(error, errors.Unavailable):
        retry = 1
    return Problem(
        status=status,
        code=error.code,
        detail=error.message,
        facts=facts,
        violations=violations_of(error),
        retry_after_seconds=max(1, round(float(str(retry)))) if retry is not None else None,
    )


_STRUCTURED = frozenset({"field", "violations", "retry_after_seconds"})


def violations_of(error: errors.OtklikError) -> tuple[tuple[str, str], ...]:
    """Give what is wrong with which field, when the error knows."""
    listed = error.facts.get("violations")
    if isinstance(listed, list | tuple):
        return tuple((str(where), str(what)) for where, what in listed)
    where = error.facts.get("field")
    return ((str(where), error.message),) if where else ()


def of_status(status: int, detail: str) -> Problem:
    """Tell a refusal of the HTTP layer itself: an unknown path, a wrong method."""
    phrase = HTTPStatus(status).phrase
    return Problem(
        status=status,
        code=re.sub(r"\W+", "_", phrase).lower(),
        detail=detail if detail and detail != phrase else f"{phrase}: check the address and method",
    )


def of_fault() -> Problem:
    """Tell that the fault is ours."""
    return Problem(
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        code="internal",
        detail="something is wrong on our side and has been written down: try again later",
    )
