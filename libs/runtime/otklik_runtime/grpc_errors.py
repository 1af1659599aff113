"""What gRPC makes of an error, and what a client makes of a status: the transport's one table.

Every status carries `google.rpc.ErrorInfo` with the code in upper case and the domain; a kind adds
the detail made for it. Clients of ours turn the status back into the same fact.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

from otklik_runtime import errors
from otklik_runtime.http_problems import violations_of

DOMAIN = "otklik.dev"
DETAILS = "grpc-status-details-bin"
# Metadata of a status travels in headers, which have little room.
MAX_FACT = 256
MAX_VIOLATIONS = 20

_CODES: Mapping[type[errors.OtklikError], grpc.StatusCode] = {
    errors.InvalidInput: grpc.StatusCode.INVALID_ARGUMENT,
    errors.Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    errors.Forbidden: grpc.StatusCode.PERMISSION_DENIED,
    errors.NotFound: grpc.StatusCode.NOT_FOUND,
    errors.Conflict: grpc.StatusCode.ABORTED,
    errors.RuleBroken: grpc.StatusCode.FAILED_PRECONDITION,
    errors.LimitExceeded: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.Unavailable: grpc.StatusCode.UNAVAILABLE,
}
_KINDS: Mapping[grpc.StatusCode, type[errors.OtklikError]] = {
    **{code: kind for kind, code in _CODES.items()},
    grpc.StatusCode.OUT_OF_RANGE: errors.InvalidInput,
    grpc.StatusCode.ALREADY_EXISTS: errors.Conflict,
    grpc.StatusCode.DEADLINE_EXCEEDED: errors.Unavailable,
    grpc.StatusCode.CANCELLED: errors.Unavailable,
}
_STRUCTURED = frozenset({"field", "violations", "retry_after_seconds"})


def code_of(error: errors.OtklikError) -> grpc.StatusCode:
    """Give the status code of an error."""
    for kind, code in _CODES.items():
        if isinstance(error, kind):
            return code
    return grpc.StatusCode.INTERNAL


def status_of(error: errors.OtklikError) -> status_pb2.Status:
    """Give the whole status of an error, as it travels in the trailing metadata."""
    status = status_pb2.Status(code=code_of(error).value[0], message=error.message)
    info = error_details_pb2.ErrorInfo(reason=error.code.upper(), domain=DOMAIN)
    for name, value in error.facts.items():
        if name not in _STRUCTURED:
            info.metadata[name] = str(value)[:MAX_FACT]
    _add(status, info)
    for detail in _details(error):
        _add(status, detail)
    return status


def error_of(error: grpc.aio.AioRpcError) -> errors.OtklikError:
    """Give the fact that a service answered with; what it did not answer is `Unavailable`."""
    kind = _KINDS.get(error.code(), errors.OtklikError)
    message = error.details() or "the service that was asked gave no reason"
    code = error.code().name.lower()
    facts: dict[str, object] = {}
    for detail in _received(error):
        if isinstance(detail, error_details_pb2.ErrorInfo) and detail.domain == DOMAIN:
            code = detail.reason.lower()
            facts.update(detail.metadata)
        elif isinstance(detail, error_details_pb2.BadRequest):
            facts["violations"] = tuple(
                (violation.field, violation.description) for violation in detail.field_violations
            )
        elif isinstance(detail, error_details_pb2.RetryInfo):
            facts["retry_after_seconds"] = detail.retry_delay.ToTimedelta().total_seconds()
    for taken in ("code", "message"):
        facts.pop(taken, None)
    return kind(code, message, **facts)


def reason_of(error: grpc.aio.AioRpcError) -> str:
    """Give the code of an answer without making an error of it; empty where it has none."""
    for detail in _received(error):
        if isinstance(detail, error_details_pb2.ErrorInfo):
            return str(detail.reason).lower()
    return ""


def _details(error: errors.OtklikError) -> list[Message]:
    details: list[Message] = []
    violations = violations_of(error)
    if isinstance(error, errors.InvalidInput) and violations:
        details.append(
            error_details_pb2.BadRequest(
                field_violations=[
                    error_details_pb2.BadRequest.FieldViolation(field=where, description=what)
                    for where, what in violations[:MAX_VIOLATIONS]
                ],
            ),
        )
    if isinstance(error, errors.RuleBroken):
        details.append(
            error_details_pb2.PreconditionFailure(
                violations=[
                    error_details_pb2.PreconditionFailure.Violation(
                        type=error.code.upper(),
                        subject=str(error.facts.get("subject", "")),
                        description=error.message,
                    ),
                ],
            ),
        )
    if isinstance(error, errors.LimitExceeded):
        details.append(
            error_details_pb2.QuotaFailure(
                violations=[
                    error_details_pb2.QuotaFailure.Violation(
                        subject=str(error.facts.get("subject", "")),
                        description=error.message,
                    ),
                ],
            ),
        )
    retry = error.facts.get("retry_after_seconds")
    if retry is not None:
        detail = error_details_pb2.RetryInfo()
        detail.retry_delay.FromTimedelta(timedelta(seconds=float(str(retry))))
        details.append(detail)
    return details


def _add(status: status_pb2.Status, detail: Message) -> None:
    packed = any_pb2.Any()
    packed.Pack(detail)
    status.details.append(packed)


def _received(error: grpc.aio.AioRpcError) -> list[Any]:
    trailing = error.trailing_metadata()
    for name, value in trailing if trailing is not None else ():
        if name == DETAILS and isinstance(value, bytes):
            try:
                status = status_pb2.Status.FromString(value)
            except DecodeError:
                return []
            return [part for packed in status.details if (part := _unpacked(packed)) is not None]
    return []


def _unpacked(packed: any_pb2.Any) -> Message | None:
    for kind in (
        error_details_pb2.ErrorInfo,
        error_details_pb2.BadRequest,
        error_details_pb2.RetryInfo,
    ):
        if packed.Is(kind.DESCRIPTOR):
            detail: Message = kind()
            packed.Unpack(detail)
            return detail
    return None
