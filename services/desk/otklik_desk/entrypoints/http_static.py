"""Styles, scripts and the mark, read once at the start.

The address of each holds the digest of its content: it can be kept for ever, and a new one is
another. The stylesheets are one file, in the order of the layers.
"""

import gzip
import hashlib
from importlib.resources import files

from fastapi import APIRouter, Request, Response

from otklik_runtime.errors import NotFound

_STYLES = ("tokens.css", "page.css", "parts.css", "desk.css", "request.css")
_FILES = {
    "htmx.js": ("text/javascript", ("vendor/htmx.min.js",)),
    "hx-csp.js": ("text/javascript", ("vendor/hx-csp.min.js",)),
    "desk.js": ("text/javascript", ("desk.js",)),
    "desk.css": ("text/css", _STYLES),
    "mark.svg": ("image/svg+xml", ("mark.svg",)),
}
_FOR_EVER = "public, max-age=31536000, immutable"


class StaticFiles:
    """The files that pages need."""

    def __init__(self) -> None:
        """Read and pack them all."""
        self._content: dict[str, tuple[str, bytes, bytes]] = {}
        self._addresses: dict[str, str] = {}
        folder = files("otklik_desk") / "static"
        for name, (media_type, parts) in _FILES.items():
            content = b"\n".join((folder / part).read_bytes() for part in parts)
            digest = hashlib.sha256(content).hexdigest()[:16]
            packed = gzip.compress(content, mtime=0)
            self._addresses[name] = f"/static/{digest}/{name}"
            self._content[f"{digest}/{name}"] = (media_type, content, packed)
        self.router = APIRouter(include_in_schema=False)
        self.router.add_api_route("/static/{name:path}", self.give, methods=["GET", "HEAD"])
        self.router.add_api_route("/favicon.ico", self.favicon, methods=["GET", "HEAD"])

    def address(self, name: str) -> str:
        """Give the address of a file."""
        return self._addresses[name]

    async def give(self, request: Request, name: str) -> Response:
        """Give a file."""
        if name not in self._content:
            raise NotFound("file_not_found", "there is no such file")
        media_type, content, packed = self._content[name]
        headers = {"cache-control": _FOR_EVER, "vary": "accept-encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(
                packed, headers={**headers, "content-encoding": "gzip"}, media_type=media_type
            )
        return Response(content, headers=headers, media_type=media_type)

    async def favicon(self) -> Response:
        """Give the mark to browsers that ask for it where they always did."""
        media_type, content, _ = self._content[self._addresses["mark.svg"].removeprefix("/static/")]
        return Response(content, media_type=media_type)
