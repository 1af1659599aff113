"""What comes after DATA: taken piece by piece, searched for its end, never held beyond the limit.

Only `<CRLF>.<CRLF>` ends a mail: anything looser would let one mail smuggle in another.
"""

import time
from typing import Protocol, Self

from otklik_intake.entrypoints import smtp_dialogue as say

_END = b"\r\n.\r\n"
_LEAST = 64 * 1024


class Memory(Protocol):
    """The memory that all sessions share, and the largest mail."""

    max_bytes: int

    def take(self, size: int) -> bool:
        """Reserve memory for so many bytes more; False if there is none left."""
        ...

    def give_back(self, size: int) -> None:
        """Return reserved memory."""
        ...


class IncomingMail:
    """One mail on its way in; `refusal` is the answer if it will not be taken."""

    def __init__(self, memory: Memory, reserved: int) -> None:
        """Use memory that is reserved already; `begin` reserves it."""
        self._memory = memory
        self._reserved = reserved
        # The line end before the first line belongs to the command; with it an empty mail ends
        # like any other.
        self._data = bytearray(b"\r\n")
        self._searched = 0
        self.refusal = ""
        self.began_ns = time.time_ns()

    @classmethod
    def begin(cls, memory: Memory, announced_bytes: int) -> Self | None:
        """Begin to take a mail of the announced size; None if there is no memory for it now."""
        return cls(memory, announced_bytes) if memory.take(announced_bytes) else None

    def take(self, piece: bytes) -> bytes | None:
        """Take a piece; give what came behind the end once it has come, else None."""
        data = self._data
        data += piece
        end = data.find(_END, self._searched)
        if end < 0:
            self._searched = max(0, len(data) - len(_END) + 1)
            self._limit()
            return None
        rest = bytes(data[end + len(_END) :])
        del data[end + 2 :]
        self._limit()
        return rest

    def original(self) -> bytes:
        """Give the whole mail as it was written: on the way, a dot before a line was doubled."""
        return bytes(self._data).replace(b"\r\n.", b"\r\n")[2:]

    def drop(self) -> None:
        """Give the memory back."""
        self._memory.give_back(self._reserved)
        self._reserved = 0
        self._data = bytearray()

    def _limit(self) -> None:
        """Hold no more than may be stored; what is refused is read on and forgotten."""
        size = len(self._data)
        if not self.refusal and size > self._memory.max_bytes + 2:
            self.refusal = say.too_large(self._memory.max_bytes)
        if not self.refusal and size > self._reserved:
            more = min(max(2 * size, _LEAST), self._memory.max_bytes) - self._reserved
            if more > 0 and not self._memory.take(more):
                self.refusal = say.BUSY
            else:
                self._reserved += max(0, more)
        if self.refusal:
            self._memory.give_back(self._reserved)
            self._reserved = 0
            del self._data[: -len(_END) + 1]
            self._searched = 0
