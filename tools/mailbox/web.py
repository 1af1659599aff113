"""The mailbox pages and the JSON beside them."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Body, FastAPI, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from tools.mailbox.as_json import ledger_document, message_document, message_summary
from tools.mailbox.cleaning import LETTER_POLICY, cleaned
from tools.mailbox.faults import Fault, FaultBook
from tools.mailbox.ledger import Outcome
from tools.mailbox.letter import decoded
from tools.mailbox.phrases import PHRASES
from tools.mailbox.shelf import Message, Shelf
from tools.pages import Pages, guarded_app, language_of
from tools.pages.document import problem

SHOWN_LETTERS = 50
SHOWN_CHARACTERS = 200_000
_LONGEST_WAIT_SECONDS = 60.0
_HERE = Path(__file__).parent


def application(shelf: Shelf, faults: FaultBook, smtp_port: Callable[[], int]) -> FastAPI:
    """Make the HTTP side of the mailbox."""
    app = guarded_app(_HERE / "static")
    app.include_router(_pages(shelf, faults, smtp_port))
    app.include_router(_parts(shelf))
    app.include_router(_api(shelf, faults))
    app.add_exception_handler(_NoSuchLetter, _unknown)
    return app


def _pages(shelf: Shelf, faults: FaultBook, smtp_port: Callable[[], int]) -> APIRouter:
    router = APIRouter()
    pages = Pages(templates=_HERE / "templates", catalogue=PHRASES)

    @router.get("/")
    async def messages(request: Request, address: str = "", before: int = 0) -> Response:
        found = [
            message
            for message in reversed(shelf.messages())
            if (not before or message.number < before) and _concerns(message, address.strip())
        ]
        return pages.render(
            request,
            "messages.html",
            shelf=shelf,
            outcomes=Outcome,
            rules=faults.rules,
            messages=found[:SHOWN_LETTERS],
            more=len(found) > SHOWN_LETTERS,
            asked={"address": address, "before": before},
            smtp_port=smtp_port(),
        )

    @router.get("/messages/{number}")
    async def one_message(request: Request, number: int) -> Response:
        message = shelf.message(number)
        if message is None:
            return pages.missing(request)
        letter = message.letter
        shown = cleaned(letter.html, letter.attachments, "")
        return pages.render(
            request,
            "message.html",
            message=message,
            letter=letter,
            text=letter.text[:SHOWN_CHARACTERS],
            cut_short=len(letter.text) > SHOWN_CHARACTERS,
            foreign_pictures=shown.foreign_pictures,
            older=shelf.message(number - 1),
            newer=shelf.message(number + 1),
        )

    return router


def _parts(shelf: Shelf) -> APIRouter:
    router = APIRouter(prefix="/messages/{number}")

    @router.get("/html")
    async def html(request: Request, number: int) -> Response:
        letter = _kept(shelf, number).letter
        shown = cleaned(letter.html, letter.attachments, language_of(request))
        headers = {"content-security-policy": LETTER_POLICY}
        return HTMLResponse(shown.document, headers=headers)

    @router.get("/source")
    async def source(number: int) -> Response:
        return PlainTextResponse(decoded(_kept(shelf, number).raw, ""))

    @router.get("/file")
    async def file(number: int) -> Response:
        return _download(_kept(shelf, number).raw, f"{number}.eml")

    @router.get("/attachments/{index}")
    async def attachment(number: int, index: int) -> Response:
        for held in _kept(shelf, number).letter.attachments:
            if held.index == index:
                return _download(held.content, held.name)
        return problem(404, "No such attachment", f"letter {number} has no attachment {index}")

    return router


def _api(shelf: Shelf, faults: FaultBook) -> APIRouter:
    router = APIRouter(prefix="/api")

    @router.get("/messages")
    async def messages(
        to: str | None = None,
        since: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        wait_seconds: Annotated[float, Query(ge=0, le=_LONGEST_WAIT_SECONDS)] = 0,
    ) -> Response:
        if wait_seconds and not shelf.messages(to=to, since=since):
            await shelf.arrival(wait_seconds, to=to, since=since)
        found = shelf.messages(to=to, since=since)[:limit]
        last = found[-1].number if found else since
        return JSONResponse({"messages": [message_summary(each) for each in found], "last": last})

    @router.get("/messages/{number}")
    async def one_message(number: int) -> Response:
        return JSONResponse(message_document(_kept(shelf, number)))

    @router.get("/ledger")
    async def ledger(since: Annotated[int, Query(ge=0)] = 0) -> Response:
        return JSONResponse(ledger_document(shelf, since))

    @router.get("/faults")
    async def rules() -> tuple[Fault, ...]:
        return faults.rules

    # PUT, which a foreign web page cannot send without asking first.
    @router.put("/faults")
    async def set_rules(wanted: Annotated[list[Fault], Body()]) -> tuple[Fault, ...]:
        faults.set(wanted)
        return faults.rules

    return router


def _concerns(message: Message, part: str) -> bool:
    addresses = (message.mail_from, *message.recipients)
    return any(part.casefold() in address.casefold() for address in addresses)


class _NoSuchLetter(Exception):
    """No letter has this number."""

    def __init__(self, number: int) -> None:
        super().__init__(f"no letter has the number {number}")


def _kept(shelf: Shelf, number: int) -> Message:
    message = shelf.message(number)
    if message is None:
        raise _NoSuchLetter(number)
    return message


async def _unknown(_request: Request, error: Exception) -> Response:
    return problem(404, "No such letter", str(error))


def _download(content: bytes, name: str) -> Response:
    disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    return Response(
        content,
        media_type="application/octet-stream",
        headers={"content-disposition": disposition},
    )
