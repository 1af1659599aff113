"""Files that came with messages: always saved, never shown, whatever they say they are."""

import re
from urllib.parse import quote

from fastapi.responses import StreamingResponse

from otklik_desk.domain.errors import RequestNotFound
from otklik_desk.ports import Services
from otklik_runtime import ids

_PLAIN = re.compile(r"[^A-Za-z0-9._ -]")


async def download(services: Services, attachment_id: str) -> StreamingResponse:
    """Stream a file as it comes; intake decides whether this person may have it."""
    if not ids.is_id(attachment_id):
        raise RequestNotFound
    attachment, data = await services.download(attachment_id)
    return StreamingResponse(
        data,
        media_type="application/octet-stream",
        headers={
            "content-disposition": disposition(attachment.filename),
            "content-length": str(attachment.size_bytes),
            "x-content-type-options": "nosniff",
        },
    )


def disposition(filename: str) -> str:
    """Name the file for every browser: in plain letters, and as it is (RFC 6266)."""
    plain = _PLAIN.sub("_", filename).strip(" .") or "file"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"
