import asyncio
import re
from collections.abc import Iterable

import nats
import pytest
from nats.errors import Error

from otklik_ops import permissions
from otklik_ops.flows import contracted

USERS = permissions.development(contracted())
ID = "0198c0de-0000-7000-8000-000000000001"
ACK_TAIL = "1.1.1.1700000000000000000.0"
REFUSED = re.compile(r'permissions violation for (?:publish|subscription) to "([^"]+)"')

# What an intruder would like to do, beyond what some other user may do.
TEMPTATIONS = (
    "otklik.tickets.v1.ticket_opened",
    f"otklik.tickets.v1.ticket_forged.{ID}",
    "otklik.chat.somebody",
    "$JS.API.INFO",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.LIST",
    "$JS.API.STREAM.DELETE.OTKLIK_TICKETS",
    "$JS.API.STREAM.PURGE.OTKLIK_TICKETS",
    "$JS.API.STREAM.MSG.DELETE.OTKLIK_TICKETS",
    "$JS.API.STREAM.CREATE.ELSEWHERE",
    "$JS.API.DIRECT.GET.OTKLIK_TICKETS",
    "$JS.API.CONSUMER.CREATE.OTKLIK_TICKETS.mine",
    "$JS.API.CONSUMER.DURABLE.CREATE.OTKLIK_TICKETS.sla__tickets",
    "$JS.API.CONSUMER.DELETE.OTKLIK_TICKETS.sla__tickets",
    "$JS.API.CONSUMER.PAUSE.OTKLIK_TICKETS.sla__tickets",
    "$JS.API.CONSUMER.RESET.OTKLIK_TICKETS.sla__tickets",
    "$SYS.REQ.SERVER.PING",
    "_INBOX_tickets.stolen",
    "_INBOX.stolen",
)


def _example(subject: str) -> str:
    """Make one publishable subject of a permission."""
    return subject.replace(".>", f".{ACK_TAIL}").replace("*", ID)


def _universe() -> list[str]:
    allowed = {_example(subject) for user in USERS for subject in user.publish}
    return sorted(allowed | set(TEMPTATIONS))


async def _refused(errors: asyncio.Queue[str], expected: int) -> set[str]:
    """Collect what the server refused: as many refusals as expected, and any that follow."""
    async with asyncio.timeout(5):
        told = [await errors.get() for _ in range(expected)]
    while not errors.empty():
        told.append(errors.get_nowait())
    return {match.group(1) for error in told if (match := REFUSED.search(error))}


def _as_told(subjects: Iterable[str]) -> set[str]:
    """Write subjects as nats-py tells of them: it puts the server's errors in lower case."""
    return {subject.lower() for subject in subjects}


@pytest.mark.parametrize("user", USERS, ids=lambda user: user.name)
async def test_each_user_is_refused_every_subject_that_is_not_its_own(user, connect_as):
    errors: asyncio.Queue[str] = asyncio.Queue()
    client = await connect_as(user.name, errors)
    own = {_example(subject) for subject in user.publish}
    others = [subject for subject in _universe() if subject not in own]

    # Harmless: no stream exists here, and an acknowledgement of nothing is ignored.
    for subject in (*sorted(own), *others):
        await client.publish(subject, b"{}")
    await client.flush()

    assert await _refused(errors, len(others)) == _as_told(others)


@pytest.mark.parametrize("user", USERS, ids=lambda user: user.name)
async def test_each_user_is_refused_to_listen_to_what_is_not_its_own(user, connect_as):
    errors: asyncio.Queue[str] = asyncio.Queue()
    client = await connect_as(user.name, errors)
    wishes = {
        ">",
        "otklik.>",
        "_INBOX.>",
        "$JS.EVENT.>",
        "$SYS.>",
        *(subject for other in USERS for subject in other.subscribe),
    }
    others = wishes - set(user.subscribe)

    for subject in (*user.subscribe, *sorted(others)):
        await client.subscribe(subject)
    await client.flush()

    assert await _refused(errors, len(others)) == _as_told(others)


async def test_a_wrong_password_is_refused(guarded_server):
    with pytest.raises(Error, match=r"(?i)authorization"):
        await nats.connect(
            guarded_server.url, user="tickets", password="guess", allow_reconnect=False
        )


async def test_nobody_connects_without_a_name(guarded_server):
    with pytest.raises(Error, match=r"(?i)authorization"):
        await nats.connect(guarded_server.url, allow_reconnect=False)


async def test_with_its_own_permissions_a_service_publishes_and_another_hears_it(
    keeper, connect_as
):
    await keeper.look()
    tickets = await connect_as("tickets")
    sla = await connect_as("sla")

    published = await tickets.jetstream().publish(
        f"otklik.tickets.v1.ticket_opened.{ID}", b"", headers={"Nats-Msg-Id": "1"}
    )
    subscription = await sla.jetstream().pull_subscribe_bind(
        durable="sla__tickets", stream="OTKLIK_TICKETS"
    )
    messages = await subscription.fetch(1, timeout=5)
    await messages[0].ack_sync(timeout=5)
    waiting = await sla.jetstream().consumer_info("OTKLIK_TICKETS", "sla__tickets")

    assert published.stream == "OTKLIK_TICKETS"
    assert waiting.num_ack_pending == 0
    assert waiting.num_pending == 0


async def test_an_atomic_batch_is_taken_from_a_service(keeper, connect_as):
    await keeper.look()
    tickets = await connect_as("tickets")

    answer = b""
    for number in (1, 2, 3):
        headers = {"Nats-Batch-Id": "batch", "Nats-Batch-Sequence": str(number)}
        if number == 3:
            headers["Nats-Batch-Commit"] = "1"
        message = await tickets.request(
            f"otklik.tickets.v1.ticket_opened.{ID}", b"", headers=headers, timeout=5
        )
        answer = message.data

    assert b'"count":3' in answer


async def test_the_follower_reads_a_stream_without_making_a_consumer(keeper, connect_as):
    await keeper.look()
    tickets = await connect_as("tickets")
    await tickets.jetstream().publish(f"otklik.tickets.v1.ticket_opened.{ID}", b"first")
    follower = await connect_as("follow")

    answer = await follower.request(
        "$JS.API.STREAM.MSG.GET.OTKLIK_TICKETS",
        b'{"seq": 1, "next_by_subj": "otklik.tickets.v1.*.' + ID.encode() + b'"}',
        timeout=5,
    )

    assert b'"seq":1' in answer.data
