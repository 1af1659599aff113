"""The trace pages and the JSON beside them."""

from collections.abc import Callable
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from tools.pages import Pages, guarded_app, language_of
from tools.pages.document import problem
from tools.traces.as_json import trace_document, trace_summary
from tools.traces.model import Trace, written
from tools.traces.otlp import http_routes
from tools.traces.phrases import PHRASES
from tools.traces.store import TraceStore
from tools.traces.text_tree import tree
from tools.traces.waterfall import waterfall

SHOWN_TRACES = 100
SHOWN_SPANS = 1500
_HERE = Path(__file__).parent


def application(store: TraceStore, grpc_address: Callable[[], str]) -> FastAPI:
    """Make the HTTP side of the receiver: OTLP, pages and JSON over one store."""
    app = guarded_app(_HERE / "static")
    app.include_router(http_routes(store))
    app.include_router(_pages(store, grpc_address))
    app.include_router(_api(store))
    return app


def _pages(store: TraceStore, grpc_address: Callable[[], str]) -> APIRouter:
    router = APIRouter()
    pages = Pages(templates=_HERE / "templates", catalogue=PHRASES)

    @router.get("/")
    async def traces(
        request: Request, *, service: str = "", attribute: str = "", errors: bool = False
    ) -> Response:
        chosen = _filter(service, attribute, errors=errors)
        found = [trace for trace in store.recent() if chosen(trace)]
        return pages.render(
            request,
            "traces.html",
            store=store,
            traces=found[:SHOWN_TRACES],
            found=len(found),
            longest_ns=max((trace.duration_ns for trace in found[:SHOWN_TRACES]), default=1),
            asked={"service": service, "attribute": attribute, "errors": errors},
            grpc_address=grpc_address(),
        )

    @router.get("/traces/{trace_id}")
    async def one_trace(
        request: Request, trace_id: str, span: str = "", axis: str = "squeezed"
    ) -> Response:
        trace = store.trace(trace_id)
        if trace is None:
            return pages.missing(request)
        drawn = waterfall(trace, even=axis == "even")
        return pages.render(
            request,
            "trace.html",
            store=store,
            trace=trace,
            drawn=drawn,
            bars=drawn.bars[:SHOWN_SPANS],
            axis=axis,
            selected=store.find(trace_id, span),
            written=written,
        )

    return router


def _api(store: TraceStore) -> APIRouter:
    router = APIRouter(prefix="/api")

    @router.get("/traces")
    async def traces(
        *, service: str = "", attribute: str = "", errors: bool = False, limit: int = SHOWN_TRACES
    ) -> Response:
        chosen = _filter(service, attribute, errors=errors)
        found = [trace_summary(trace) for trace in store.recent() if chosen(trace)]
        return JSONResponse({"traces": found[: max(0, limit)]})

    @router.get("/traces/{trace_id}")
    async def one_trace(trace_id: str) -> Response:
        trace = store.trace(trace_id)
        return _unknown(trace_id) if trace is None else JSONResponse(trace_document(trace, store))

    @router.get("/traces/{trace_id}/tree")
    async def text_tree(request: Request, trace_id: str) -> Response:
        trace = store.trace(trace_id)
        if trace is None:
            return _unknown(trace_id)
        return PlainTextResponse(tree(trace, language=language_of(request), store=store) + "\n")

    return router


def _unknown(trace_id: str) -> Response:
    return problem(404, "No such trace", f"no span of trace {trace_id!r} is kept")


def _filter(service: str, attribute: str, *, errors: bool) -> Callable[[Trace], bool]:
    """Return the condition a person asked for; an attribute is a value or `name=value`."""
    name, equals, value = attribute.strip().partition("=")

    def chosen(trace: Trace) -> bool:
        if service and service not in trace.services:
            return False
        if errors and not trace.failures:
            return False
        if not attribute.strip():
            return True
        named = bool(equals) and trace.holds(value, key=name)
        return named or trace.holds(attribute.strip())

    return chosen
