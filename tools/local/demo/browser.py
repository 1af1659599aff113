"""The customer's browser: opens a page, fills in its form, sends it, follows where it leads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import httpx

from tools.local.failures import StackFailed


class NoSuchForm(StackFailed):
    """The page has no form with the fields a person would look for."""


@dataclass
class Form:
    """A form as it stands on a page: where it goes and what is in it already."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    multipart: bool = False


class Browser:
    """Keeps cookies and the page that is open, and nothing else."""

    def __init__(self, language: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """Prefer pages in this language; without another transport they come by the network."""
        self._client = httpx.AsyncClient(
            transport=transport,
            trust_env=False,
            follow_redirects=True,
            timeout=15,
            headers={"accept-language": language, "user-agent": "Mozilla/5.0 (demo)"},
        )
        self.page: httpx.Response | None = None

    async def open(self, url: str) -> httpx.Response:
        """Open a page.

        Raises:
            StackFailed: it is not there.
        """
        return await self._go("GET", url)

    async def submit(self, values: Mapping[str, str]) -> httpx.Response:
        """Fill in the first form that has these fields, and send it.

        Raises:
            NoSuchForm: no form of the page has them.
            StackFailed: the answer is an error.
        """
        if self.page is None:
            raise NoSuchForm("no page is open")
        form = self._form_with(values)
        address = urljoin(str(self.page.url), form.action)
        filled = {**form.fields, **values}
        # A browser says where a form stands; servers check it against forgery.
        headers = {"origin": str(self.page.url.copy_with(path="/", query=None)).rstrip("/")}
        files = {name: (None, value) for name, value in filled.items()} if form.multipart else None
        data = None if form.multipart else filled
        return await self._go(form.method.upper(), address, headers=headers, files=files, data=data)

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    def _form_with(self, values: Mapping[str, str]) -> Form:
        reader = _Forms()
        reader.feed(self.page.text if self.page else "")
        for form in reader.forms:
            if set(values) <= set(form.names):
                return form
        seen = "; ".join(", ".join(form.names) for form in reader.forms) or "no form at all"
        raise NoSuchForm(f"wanted a form with {', '.join(values)}, the page has {seen}")

    async def _go(self, method: str, address: str, **content: Any) -> httpx.Response:
        try:
            self.page = await self._client.request(method, address, **content)
        except httpx.HTTPError as reason:
            raise StackFailed(f"{address} could not be opened: {reason}") from reason
        if self.page.is_error:
            # The query may be a link that is as good as a password.
            where = self.page.url.copy_with(query=None)
            raise StackFailed(f"{where} answered {self.page.status_code}")
        return self.page


class _Forms(HTMLParser):
    """Reads the forms of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(
                Form(
                    action=told.get("action", ""),
                    method=told.get("method", "get"),
                    multipart=told.get("enctype", "") == "multipart/form-data",
                ),
            )
        elif tag in {"input", "textarea", "select", "button"} and self.forms and "name" in told:
            self._add(self.forms[-1], tag, told)

    def _add(self, form: Form, tag: str, told: Mapping[str, str]) -> None:
        form.names.append(told["name"])
        kind = told.get("type", "text")
        # What a person has not ticked or pressed is not sent.
        chosen = kind not in {"radio", "checkbox", "submit", "file"} or "checked" in told
        if tag == "input" and chosen:
            form.fields[told["name"]] = told.get("value", "")
