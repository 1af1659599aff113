"""The HTTP doors: the public form, and `POST /v1/requests` for programs."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.datastructures import FormData, UploadFile

from otklik_intake.domain import filenames
from otklik_intake.domain.accounts import Channel, ChannelAccount
from otklik_intake.domain.errors import (
    ChannelAccountNotFound,
    DoorClosed,
    FormIncomplete,
    TooManyRequests,
    UnknownService,
)
from otklik_intake.domain.letter import File
from otklik_intake.domain.submission import Submission
from otklik_intake.entrypoints import form_pages, submission_door
from otklik_intake.entrypoints.form_pages import FormPages, locale_asked
from otklik_intake.entrypoints.rate_limit import RateLimit
from otklik_intake.entrypoints.submission_door import SubmissionDoor
from otklik_intake.ports import AccountDirectory, Catalogue
from otklik_runtime import ids
from otklik_runtime.errors import InvalidInput, OtklikError, Unavailable
from otklik_runtime.http_problems import of_error

MAX_FILES = 20
MAX_KEY = 200
HONEYPOT = "honeypot"
MAX_JSON_BYTES = 1024 * 1024
_FIELD_NAMES = {"sender_address": "email", "sender_name": "name"}
_JSON_FIELDS = frozenset({"name", "email", "service", "subject", "text", "locale", "account"})


class HttpApi:
    """The routes."""

    def __init__(
        self,
        *,
        door: SubmissionDoor,
        pages: FormPages,
        accounts: AccountDirectory,
        catalogue: Catalogue,
        limit: RateLimit,
    ) -> None:
        """Build the routes.

        Args:
            door: Stores messages.
            pages: Makes pages.
            accounts: Knows the form's account.
            catalogue: The services to choose from.
            limit: How often one address may come.
        """
        self._door = door
        self._pages = pages
        self._accounts = accounts
        self._catalogue = catalogue
        self._limit = limit
        self.router = APIRouter(include_in_schema=False)
        add = self.router.add_api_route
        add("/", self.go_to_form, methods=["GET"])
        add(form_pages.FORM_PATH, self.show_form, methods=["GET"])
        add(form_pages.FORM_PATH, self.send_form, methods=["POST"])
        add(form_pages.THANKS_PATH, self.thank, methods=["GET"])
        add(pages.stylesheet_path, pages.stylesheet, methods=["GET"])
        add("/v1/requests", self.create_request, methods=["POST"])

    async def go_to_form(self) -> Response:
        """Lead who came to the front door to the form."""
        return RedirectResponse(form_pages.FORM_PATH, HTTPStatus.TEMPORARY_REDIRECT)

    async def show_form(self, request: Request) -> Response:
        """Show the empty form."""
        return self._pages.form(
            request,
            account=await self._account(request.query_params.get("account", "")),
            services=await self._catalogue.services(),
            request_id=ids.new_id(),
        )

    async def send_form(self, request: Request) -> Response:
        """Store what was filled in and go on to the thanks; show the form again if that fails."""
        async with request.form(max_files=MAX_FILES, max_fields=MAX_FILES) as form:
            values = {name: _text(form, name) for name in form_pages.FIELDS}
            request_id = _text(form, "request_id")
            sent = submission_door.Request(
                submission=_submission(values, locale=locale_asked(request)),
                request_id=request_id if ids.is_id(request_id) else ids.new_id(),
                channel=Channel.WEB_FORM,
                account=_text(form, "account"),
                files=await _files(form),
                # Who goes back and writes something else means something else.
                editable=True,
                field_names=_FIELD_NAMES,
                refusal=HONEYPOT if _text(form, "website") else "",
            )
        try:
            self._limit.admit(_address(request))
            await self._door.submit(sent)
        except (
            FormIncomplete,
            UnknownService,
            TooManyRequests,
            DoorClosed,
        ) as error:
            return await self._again(request, sent, values, error)
        target = f"{form_pages.THANKS_PATH}?lang={locale_asked(request)}"
        return RedirectResponse(target, HTTPStatus.SEE_OTHER)

    async def thank(self, request: Request) -> Response:
        """Say that the message has arrived."""
        try:
            account = await self._account("")
        except (Unavailable, ChannelAccountNotFound):
            return self._pages.thanks(request, organisation="")
        return self._pages.thanks(request, organisation=account.display_name[locale_asked(request)])

    async def create_request(self, request: Request) -> Response:
        """Store a message from a program; 202 once it is durable."""
        self._limit.admit(_address(request))
        key = request.headers.get("idempotency-key", "").strip().strip('"')
        if not key or len(key) > MAX_KEY or not key.isprintable():
            raise InvalidInput(
                "idempotency_key_required",
                f"send the header Idempotency-Key: up to {MAX_KEY} characters of your choice, the "
                "same again when you repeat the request",
                field="Idempotency-Key",
            )
        body = await request.body()
        if len(body) > MAX_JSON_BYTES:
            raise HTTPException(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"the request is larger than {MAX_JSON_BYTES} bytes: send less",
            )
        fields = _json_fields(body)
        receipt = await self._door.submit(
            submission_door.Request(
                submission=_submission(fields, locale=fields.get("locale", "")),
                request_id=key,
                channel=Channel.WEB_FORM,
                account=fields.get("account", ""),
                field_names=_FIELD_NAMES,
            )
        )
        document = {"name": receipt.name, "receive_time": receipt.received_at.isoformat()}
        return JSONResponse(document, HTTPStatus.ACCEPTED)

    async def _account(self, name: str) -> ChannelAccount:
        """Find the account of a form: the one that is named, else the first."""
        accounts = await self._accounts.current()
        if accounts.first_of(Channel.WEB_FORM) is None:
            accounts = await self._accounts.current(fresh=True)
        account = accounts.named(name) if name else accounts.first_of(Channel.WEB_FORM)
        if account is None or account.channel is not Channel.WEB_FORM:
            raise ChannelAccountNotFound(name)
        return account

    async def _again(
        self,
        request: Request,
        sent: submission_door.Request,
        values: Mapping[str, str],
        error: OtklikError,
    ) -> Response:
        """Show the form as it was filled in, with what is wrong."""
        say = self._pages.say
        summary, errors = say(request, "error.summary"), {}
        if isinstance(error, FormIncomplete):
            errors = {
                field: say(request, f"error.{reason}")
                for field, reason in error.reasons.items()
                if field in form_pages.FIELDS
            }
        elif isinstance(error, UnknownService):
            errors = {"service": say(request, "error.service_gone")}
        elif isinstance(error, TooManyRequests):
            seconds = error.facts["retry_after_seconds"]
            summary = say(request, "error.limit", seconds=seconds)
        else:
            summary = say(request, "error.storage")
        problem = of_error(error)
        retry = problem.retry_after_seconds
        return self._pages.form(
            request,
            account=await self._account(sent.account),
            services=await self._catalogue.services(),
            request_id=sent.request_id,
            values=values,
            errors=errors,
            summary=summary,
            files_again=bool(sent.files),
            status=problem.status,
            headers={"retry-after": str(retry)} if retry is not None else {},
        )


def _submission(values: Mapping[str, str], *, locale: str) -> Submission:
    return Submission(
        sender_address=values.get("email", ""),
        sender_name=values.get("name", ""),
        subject=values.get("subject", ""),
        text=values.get("text", ""),
        service=values.get("service", ""),
        locale=locale,
    )


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""


async def _files(form: FormData) -> tuple[File, ...]:
    """Read the files that were chosen; an empty choice comes as a file without a name."""
    found: list[File] = []
    for value in form.getlist("files"):
        if not isinstance(value, UploadFile) or not value.filename:
            continue
        content_type = filenames.clean_type(value.content_type or "")
        position = len(found) + 1
        name = filenames.clean(value.filename, content_type=content_type, position=position)
        content = await value.read()
        found.append(File(filename=name, content_type=content_type, content=content))
    return tuple(found)


def _json_fields(body: bytes) -> dict[str, str]:
    """Read the JSON object of a request; every field is text.

    Raises:
        InvalidInput: it is no JSON object.
        FormIncomplete: a field is not known, or not text.
    """
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise InvalidInput(
            "request_invalid", "the body must be one JSON object in UTF-8", field="body"
        )
    wrong = {str(field)[:100]: "unknown_field" for field in document if field not in _JSON_FIELDS}
    wrong |= {
        field: "wrong_type"
        for field, value in document.items()
        if field in _JSON_FIELDS and not _is_text(value)
    }
    if wrong:
        raise FormIncomplete(wrong)
    return {field: value or "" for field, value in document.items()}


def _is_text(value: object) -> bool:
    """Say whether a value is text that can be stored, or nothing."""
    if value is None:
        return True
    return isinstance(value, str) and not any("\ud800" <= one <= "\udfff" for one in value)


def _address(request: Request) -> str:
    return request.client.host if request.client is not None else ""
