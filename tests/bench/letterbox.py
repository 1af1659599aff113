"""Where outgoing mail ends: a mail server that takes everything, counts it and forgets it.

It stands for the relay outside and is as lean as can be, so that the rates are ours, not its own.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Self, cast

_END = b"\r\n.\r\n"
_MESSAGE_ID = re.compile(rb"^message-id:\s*(\S+)", re.IGNORECASE | re.MULTILINE)


@dataclass(kw_only=True)
class Letterbox:
    """What has arrived: how often each Message-ID, and when the last one did."""

    port: int
    arrived: Counter[bytes] = field(default_factory=Counter)
    newest: float = 0.0
    _server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        """Listen."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Session(self), "127.0.0.1", self.port)
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    @property
    def total(self) -> int:
        """How many mails arrived, doubled ones each time."""
        return self.arrived.total()

    @property
    def doubled(self) -> int:
        """How many arrived once more than they should."""
        return self.total - len(self.arrived)

    def take(self, mail: bytes) -> None:
        """Count one mail."""
        found = _MESSAGE_ID.search(mail)
        self.arrived[found[1] if found else b""] += 1
        self.newest = time.monotonic()


class _Session(asyncio.Protocol):
    def __init__(self, letterbox: Letterbox) -> None:
        self._letterbox = letterbox
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._in_mail = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._say(b"220 letterbox.example ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._in_mail or b"\n" in self._buffer:
            if self._in_mail:
                end = self._buffer.find(_END)
                if end < 0:
                    return
                self._letterbox.take(bytes(self._buffer[:end]))
                del self._buffer[: end + len(_END)]
                self._in_mail = False
                self._say(b"250 2.0.0 taken\r\n")
            else:
                line, _, rest = bytes(self._buffer).partition(b"\n")
                self._buffer = bytearray(rest)
                self._command(line[:4].upper())

    def _command(self, name: bytes) -> None:
        if name == b"EHLO":
            self._say(
                b"250-letterbox.example\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 PIPELINING\r\n"
            )
        elif name == b"DATA":
            self._in_mail = True
            self._say(b"354 go ahead\r\n")
        elif name == b"QUIT":
            self._say(b"221 bye\r\n")
            if self._transport is not None:
                self._transport.close()
        else:
            self._say(b"250 2.0.0 fine\r\n")

    def _say(self, answer: bytes) -> None:
        if self._transport is not None:
            self._transport.write(answer)
