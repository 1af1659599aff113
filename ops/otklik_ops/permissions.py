"""The least that each NATS user needs, derived from the flows, and the server configuration of it.

A service may publish its own events and wakes, pull and acknowledge from its own durables, look at
the streams it reads and owns, and hear answers under an inbox prefix of its own. It can neither
change a stream or a consumer nor listen to a subject: what it hears comes through its durables.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from otklik_ops.flows import Flows
from otklik_runtime.envelope import durable_of, stream_of

SERVICES = ("intake", "tickets", "sla", "notify", "feedback", "desk")
PROVISIONER = "provisioner"
FOLLOW = "follow"
ADMINISTRATOR = "administrator"
MAX_PAYLOAD = "1MB"


@dataclass(frozen=True, kw_only=True)
class User:
    """A NATS user with everything it may do; whatever is not here is refused."""

    name: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def inbox_prefix(user: str) -> str:
    """Name the subject under which a user receives its answers: `_INBOX_tickets`."""
    return f"_INBOX_{user}"


def service(flows: Flows, name: str) -> User:
    """Derive what a service needs."""
    said = flows.said_by(name)
    publish = [f"{event.subject}.*" for event in said]
    if said:
        publish.append(f"otklik.wake.{name}")
    heard = flows.heard_by(name)
    streams = sorted({*heard, *([name] if said else [])})
    publish += [f"$JS.API.STREAM.INFO.{stream_of(owner)}" for owner in streams]
    for owner in heard:
        durable = f"{stream_of(owner)}.{durable_of(name, owner)}"
        publish += [
            f"$JS.API.CONSUMER.INFO.{durable}",
            f"$JS.API.CONSUMER.MSG.NEXT.{durable}",
            f"$JS.ACK.{durable}.>",
        ]
    subscribe = [f"{inbox_prefix(name)}.>"]
    if said:
        subscribe.append(f"otklik.wake.{name}")
    return User(name=name, publish=tuple(publish), subscribe=tuple(subscribe))


def provisioner(flows: Flows) -> User:
    """Derive what the provisioner needs: alone it may create or change streams and consumers."""
    publish = []
    for owner in flows.owners:
        stream = stream_of(owner)
        publish += [f"$JS.API.STREAM.{verb}.{stream}" for verb in ("INFO", "CREATE", "UPDATE")]
    for reader, owner in flows.pairs:
        durable = f"{stream_of(owner)}.{durable_of(reader, owner)}"
        publish += [f"$JS.API.CONSUMER.{verb}.{durable}" for verb in ("INFO", "CREATE")]
    return User(
        name=PROVISIONER,
        publish=tuple(publish),
        subscribe=(f"{inbox_prefix(PROVISIONER)}.>",),
    )


def follow(flows: Flows) -> User:
    """Derive what `make follow` needs: to read every stream, and to hear that something came.

    It reads message by message and so needs no consumer. For development only: it sees the
    personal data of every event.
    """
    publish = [
        f"$JS.API.STREAM.{verb}.{stream_of(owner)}"
        for owner in flows.owners
        for verb in ("INFO", "MSG.GET")
    ]
    return User(
        name=FOLLOW,
        publish=tuple(publish),
        subscribe=(
            f"{inbox_prefix(FOLLOW)}.>",
            *(f"otklik.{owner}.v1.>" for owner in flows.owners),
        ),
    )


def administrator() -> User:
    """Allow everything. For tests only, which delete streams to see what happens then."""
    return User(name=ADMINISTRATOR, publish=(">",), subscribe=(">",))


def production(flows: Flows) -> tuple[User, ...]:
    """Derive every user of a production broker."""
    return (*(service(flows, name) for name in SERVICES), provisioner(flows))


def development(flows: Flows) -> tuple[User, ...]:
    """Derive every user of a development broker."""
    return (*production(flows), follow(flows))


def password_variable(user: str) -> str:
    """Name the environment variable of the server that holds a user's password."""
    return f"OTKLIK_NATS_{user.upper()}_PASSWORD"


def render(users: Iterable[User], password: Callable[[str], str] | None = None) -> str:
    """Write the accounts and limits part of a nats-server configuration.

    Args:
        users: who may connect.
        password: gives a user's password; without it the configuration names an environment
            variable for each (`password_variable`), so that no secret is in the file.
    """
    blocks = "\n".join(_block(user, password) for user in users)
    return f"""\
max_payload: {MAX_PAYLOAD}
accounts {{
  OTKLIK {{
    jetstream: enabled
    users: [
{blocks}
    ]
  }}
}}
"""


def _block(user: User, password: Callable[[str], str] | None) -> str:
    secret = (
        f"${password_variable(user.name)}" if password is None else json.dumps(password(user.name))
    )
    return f"""\
      {{
        user: {json.dumps(user.name)}
        password: {secret}
        permissions {{
          publish {{ {_only(user.publish)} }}
          subscribe {{ {_only(user.subscribe)} }}
        }}
      }}"""


def _only(subjects: Iterable[str]) -> str:
    allowed = list(subjects)
    # The server reads an empty list of allowed subjects as "everything".
    return f"allow: {json.dumps(allowed)}" if allowed else 'deny: [">"]'
