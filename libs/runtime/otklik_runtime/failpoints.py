"""Named places where a test lets the process die, as a power cut would.

Each step of the way between a fact and its effect has one (`failpoints.hit(BEFORE_COMMIT)`). They
do nothing unless
`arm` was called at start, which `process` does from `OTKLIK_FAILPOINT=name[:nth]`, in development
only.
"""

from __future__ import annotations

import os

_EXIT_LIKE_SIGKILL = 137
_registered: set[str] = set()
_armed = ""
_remaining = 0


def register(name: str) -> str:
    """Declare a failpoint and return its name; `known()` lists them for the chaos suite."""
    _registered.add(name)
    return name


def known() -> tuple[str, ...]:
    """Return the failpoints of every module imported so far, sorted."""
    return tuple(sorted(_registered))


def arm(specification: str) -> None:
    """Let the process die at a failpoint: `name`, or `name:nth` for its nth passing.

    Raises:
        ValueError: nth is not a whole number above 0.
    """
    global _armed, _remaining
    name, _, nth = specification.partition(":")
    _armed, _remaining = name, int(nth or 1)
    if name and _remaining < 1:
        message = f"OTKLIK_FAILPOINT={specification}: write the passing as in {name}:1"
        raise ValueError(message)


def hit(name: str) -> None:
    """Pass a failpoint: nothing happens, or the process ends at once without any cleaning up."""
    global _remaining  # noqa: PLW0603
    if name != _armed:
        return
    _remaining -= 1
    if _remaining == 0:
        os._exit(_EXIT_LIKE_SIGKILL)
