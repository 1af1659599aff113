"""The two doors of OTLP: the gRPC TraceService and `POST /v1/traces`."""

import zlib

import grpc
from fastapi import APIRouter, Request
from fastapi.responses import Response
from google.protobuf.message import DecodeError
from google.rpc import code_pb2, status_pb2
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tools.traces.decode import decode, response
from tools.traces.store import TraceStore

MAX_REQUEST_OCTETS = 16 * 1024 * 1024
_SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"
_METRICS_SERVICE = "opentelemetry.proto.collector.metrics.v1.MetricsService"
_PROTOBUF = "application/x-protobuf"
_GZIP_WINDOW = 31


def keep(store: TraceStore, request: ExportTraceServiceRequest) -> ExportTraceServiceResponse:
    """Keep what an export brings and say what could not be kept."""
    decoded = decode(request)
    without_room = store.add(decoded.spans)
    reasons = dict.fromkeys(decoded.refusals)
    if without_room:
        reasons["the buffer is full of this trace"] = None
    return response(len(decoded.refusals) + without_room, "; ".join(reasons))


def grpc_server(store: TraceStore) -> grpc.aio.Server:
    """Make a gRPC server that keeps traces, and takes metrics only to let them go."""

    async def export(
        request: ExportTraceServiceRequest,
        _context: "grpc.aio.ServicerContext[ExportTraceServiceRequest, ExportTraceServiceResponse]",
    ) -> ExportTraceServiceResponse:
        return keep(store, request)

    server = grpc.aio.server(
        options=(
            ("grpc.max_receive_message_length", MAX_REQUEST_OCTETS),
            # Without this two receivers would share a port and each get half of every trace.
            ("grpc.so_reuseport", 0),
        )
    )
    handler = grpc.unary_unary_rpc_method_handler(
        export,
        request_deserializer=ExportTraceServiceRequest.FromString,
        response_serializer=ExportTraceServiceResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler(_SERVICE, {"Export": handler}),
            # Services send both to one endpoint: a refusal would be an error in every log.
            grpc.method_handlers_generic_handler(
                _METRICS_SERVICE, {"Export": grpc.unary_unary_rpc_method_handler(_let_go)}
            ),
        )
    )
    return server


async def _let_go(_request: bytes, _context: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
    # An empty message in protobuf: everything was accepted.
    return b""


def http_routes(store: TraceStore) -> APIRouter:
    """Make the route of OTLP over HTTP with protobuf bodies."""
    router = APIRouter()

    @router.post("/v1/traces")
    async def export(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip() != _PROTOBUF:
            return _refusal(415, code_pb2.INVALID_ARGUMENT, f"the body must be {_PROTOBUF}")
        try:
            body = await _body(request)
        except zlib.error:
            return _refusal(400, code_pb2.INVALID_ARGUMENT, "the body is not the gzip it says")
        except _TooLarge:
            limit = f"the body exceeds {MAX_REQUEST_OCTETS} bytes"
            return _refusal(413, code_pb2.RESOURCE_EXHAUSTED, limit)
        try:
            exported = ExportTraceServiceRequest.FromString(body)
        except DecodeError:
            reason = "the body is not an ExportTraceServiceRequest"
            return _refusal(400, code_pb2.INVALID_ARGUMENT, reason)
        answer = keep(store, exported)
        return Response(answer.SerializeToString(), media_type=_PROTOBUF)

    return router


class _TooLarge(Exception):
    """The body is larger than anything an exporter sends."""


async def _body(request: Request) -> bytes:
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > MAX_REQUEST_OCTETS:
            raise _TooLarge
    if request.headers.get("content-encoding", "identity") != "gzip":
        return bytes(received)
    expanding = zlib.decompressobj(_GZIP_WINDOW)
    expanded = expanding.decompress(bytes(received), MAX_REQUEST_OCTETS)
    if expanding.unconsumed_tail:
        raise _TooLarge
    if not expanding.eof:
        raise zlib.error
    return expanded


def _refusal(http_status: int, code: int, reason: str) -> Response:
    status = status_pb2.Status(code=code, message=reason)
    return Response(status.SerializeToString(), status_code=http_status, media_type=_PROTOBUF)
