"""Notify as a whole, built by its own bootstrap: real broker, database and mail server."""

import asyncio
import email
import email.policy
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import grpc
import pytest
from google.protobuf.message import Message
from nats.aio.client import Client

from otklik.feedback.v1 import events_pb2 as feedback
from otklik.intake.v1 import events_pb2 as intake
from otklik.notify.v1 import delivery_pb2, events_pb2, notify_service_pb2
from otklik.notify.v1.notify_service_pb2_grpc import NotifyServiceStub
from otklik.sla.v1 import clock_pb2
from otklik.sla.v1 import events_pb2 as sla
from otklik.tickets.v1 import events_pb2 as tickets
from otklik.tickets.v1 import ticket_pb2
from otklik.type.v1 import actor_pb2, channel_pb2
from otklik_notify.bootstrap import bootstrap
from otklik_notify.settings import Settings
from otklik_runtime import health, keys, migrations
from otklik_runtime.auth import Principal, TokenIssuer
from otklik_runtime.envelope import Recorded, durable_of, headers_of, stream_of, subject_prefix
from otklik_runtime.ids import new_id
from otklik_runtime.key_ring import KeyRing

OWNERS = ("tickets", "sla", "feedback", "intake", "notify")


class World:
    """Everybody else: says events as their owners would, and hears what notify says."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._versions: dict[str, int] = defaultdict(int)
        self.conversation_id = new_id()
        self.ticket_id = new_id()

    async def prepare(self) -> None:
        jetstream = self._client.jetstream()
        for owner in OWNERS:
            config = {
                "name": stream_of(owner),
                "subjects": [f"otklik.{owner}.v1.>"],
                "storage": "file",
                "allow_atomic": True,
            }
            answer = await self._client.request(
                f"$JS.API.STREAM.CREATE.{stream_of(owner)}", json.dumps(config).encode()
            )
            assert "error" not in json.loads(answer.data)
            if owner != "notify":
                await jetstream.add_consumer(
                    stream_of(owner),
                    durable_name=durable_of("notify", owner),
                    ack_policy="explicit",
                )

    async def say(self, message: Message, aggregate_id: str = "") -> None:
        aggregate_id = aggregate_id or self.conversation_id
        name = message.DESCRIPTOR.full_name
        owner = name.split(".")[1]
        self._versions[owner + aggregate_id] += 1
        now = datetime.now(UTC)  # noqa: TID251 - the test is the world
        event = Recorded(
            position=0,
            event_id=new_id(),
            type=name,
            aggregate_id=aggregate_id,
            version=self._versions[owner + aggregate_id],
            subject=f"{subject_prefix(name)}.{aggregate_id}",
            payload=message.SerializeToString(),
            occurred_at=now,
            recorded_at=now,
            actor=f"service/{owner}",
            cause_id="",
            traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        )
        await self._client.jetstream().publish(
            event.subject, event.payload, headers=headers_of(event, owner)
        )

    async def heard(self, kind: type[Message]) -> Message:
        """Wait for what notify says next of a kind."""
        found = await self._client.jetstream().subscribe(
            f"{subject_prefix(kind.DESCRIPTOR.full_name)}.*", ordered_consumer=True
        )
        message = await found.next_msg(timeout=15)
        self.last_headers = message.headers
        await found.unsubscribe()
        return kind.FromString(message.data)

    def account(self) -> intake.ChannelAccountChanged:
        changed = intake.ChannelAccountChanged()
        account = changed.channel_account
        account.name = "channelAccounts/support"
        account.channel = channel_pb2.CHANNEL_EMAIL
        account.address = "support@example.com"
        account.display_name.ru = "Служба поддержки"
        account.display_name.en = "Support"
        account.default_service = "services/tills"
        account.default_locale = "ru"
        return changed

    def ticket_opened(self) -> tickets.TicketOpened:
        opened = tickets.TicketOpened(
            ticket_id=self.ticket_id,
            number="OT-000123",
            conversation_id=self.conversation_id,
            customer_id=new_id(),
            service="services/tills",
            service_display_name="Кассы",
            priority=ticket_pb2.PRIORITY_P3,
            channel=channel_pb2.CHANNEL_EMAIL,
            locale="ru",
            subject="Не работает касса",
            internet_message_id="<first@example.org>",
            message_id=new_id(),
        )
        opened.opener.kind = actor_pb2.ACTOR_KIND_CUSTOMER
        opened.receive_time.FromDatetime(datetime(2026, 11, 24, 8, 0, tzinfo=UTC))
        self._route(opened)
        return opened

    def clocks_armed(self) -> sla.ClocksArmed:
        armed = sla.ClocksArmed(
            ticket_id=self.ticket_id,
            conversation_id=self.conversation_id,
            outcome=sla.ARMING_OUTCOME_ARMED,
        )
        deadline = armed.deadlines.add(
            kind=clock_pb2.CLOCK_KIND_FIRST_RESPONSE, time_zone="Europe/Moscow"
        )
        deadline.due_time.FromDatetime(datetime(2026, 11, 24, 8, 40, tzinfo=UTC))
        return armed

    def message_sent(self) -> tickets.MessageSent:
        sent = tickets.MessageSent(
            ticket_id=self.ticket_id,
            number="OT-000123",
            conversation_id=self.conversation_id,
            message_id=new_id(),
            author_display_name="Анна",
            text="Перезагрузите кассу.",
            subject="Не работает касса",
            locale="ru",
            in_reply_to="<first@example.org>",
        )
        sent.author.kind = actor_pb2.ACTOR_KIND_AGENT
        self._route(sent)
        return sent

    def survey_invited(self) -> feedback.SurveyInvited:
        invited = feedback.SurveyInvited(
            survey_id=new_id(),
            ticket_id=self.ticket_id,
            ticket_number="OT-000123",
            conversation_id=self.conversation_id,
            episode=1,
            locale="en",
            subject="Till is down",
        )
        invited.expire_time.FromDatetime(datetime(2036, 12, 24, tzinfo=UTC))
        self._route(invited)
        return invited

    def _route(self, message) -> None:
        message.reply_route.channel = channel_pb2.CHANNEL_EMAIL
        message.reply_route.account = "channelAccounts/support"
        message.reply_route.address = "ivan@example.org"


@pytest.fixture
async def world(nats_client: Client) -> World:
    world = World(nats_client)
    await world.prepare()
    return world


@pytest.fixture
def issuer() -> TokenIssuer:
    return TokenIssuer([keys.generate()])


@pytest.fixture
async def jwks_url(issuer: TokenIssuer) -> AsyncIterator[str]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = json.dumps(issuer.jwks()).encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks.json"
    server.close()


@pytest.fixture
async def settings(database_url, nats_url, jwks_url, sink, tmp_path: Path) -> Settings:
    ring, own = tmp_path / "ring.json", tmp_path / "notify.pem"
    ring.write_text(KeyRing.generate())
    keys.save_private(keys.generate(), own)
    address = "127.0.0.1:1"  # nobody: gaps are not closed here
    return Settings(
        environment="development",
        database_url=database_url,
        database_direct_url=database_url,
        nats_url=nats_url,
        nats_user="notify",
        jwks_url=jwks_url,
        identity_address=address,
        grpc_addresses=dict.fromkeys(OWNERS, address),
        private_key_file=own,
        key_ring_file=ring,
        smtp_host="127.0.0.1",
        smtp_port=sink.port,
        desk_public_url="https://desk.example.com",
        feedback_public_url="https://feedback.example.com/",
        acknowledgement_wait_seconds=2,
    )


@pytest.fixture
async def grpc_port(settings: Settings, world: World) -> AsyncIterator[int]:
    """Run notify and give the port of its API."""
    await migrations.upgrade(settings.database_direct_url, "otklik_notify")
    state = health.begin()
    async with AsyncExitStack() as stack:
        entrypoints = await bootstrap(settings, stack)
        state.watch(entrypoints)
        tasks = [asyncio.create_task(each.run(), name=each.name) for each in entrypoints]
        await until(lambda: state.why_not_ready() is None)
        yield next(each.port for each in entrypoints if each.name == "grpc")
        for each, task in zip(entrypoints, tasks, strict=True):
            await asyncio.wait_for(each.drain(), 20)
            await asyncio.wait_for(task, 20)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - other parts' state, which offers no event
            await asyncio.sleep(0.02)


async def mails(sink, count: int) -> list[EmailMessage]:
    await until(lambda: len(sink.mails) >= count)
    return sink_read(sink)


def sink_read(sink) -> list[EmailMessage]:
    return [
        email.message_from_bytes(mail.content, policy=email.policy.default) for mail in sink.mails
    ]


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


@pytest.mark.usefixtures("grpc_port")
async def test_a_customer_is_told_everything_in_one_thread(world, sink, settings):
    await world.say(world.account(), new_id())
    await world.say(world.ticket_opened())
    await world.say(world.clocks_armed())
    [acknowledgement] = await mails(sink, 1)
    await world.say(world.message_sent())
    await mails(sink, 2)
    await world.say(world.survey_invited())
    _, answer, survey = await mails(sink, 3)

    assert "Ответим не позднее: вт 24 ноября" in text_of(acknowledgement)
    assert acknowledgement["Auto-Submitted"] == "auto-replied"
    assert acknowledgement["In-Reply-To"] == "<first@example.org>"
    assert "Перезагрузите кассу." in text_of(answer)
    assert answer["Auto-Submitted"] is None
    assert {mail["References"] for mail in sink_read(sink)} == {"<first@example.org>"}
    assert survey["Auto-Submitted"] == "auto-generated"
    assert "https://feedback.example.com/r/" in text_of(survey)
    assert sink.mails[0].mail_from.startswith("bounce+")
    assert sink.mails[1].mail_from == "support@example.com"

    ring = KeyRing.load(settings.key_ring_file)
    token = str(answer["Reply-To"]).partition("+")[2].partition("@")[0]
    assert ring.verify("thread", token, datetime.now(UTC)) == world.conversation_id  # noqa: TID251


@pytest.mark.usefixtures("grpc_port")
async def test_what_left_is_said_in_the_trace_it_came_in(world, sink):
    await world.say(world.account(), new_id())
    sent = world.message_sent()
    await world.say(sent)
    accepted = await world.heard(events_pb2.DeliveryAccepted)

    assert accepted.message_id == sent.message_id
    assert accepted.conversation_id == world.conversation_id
    assert accepted.channel == channel_pb2.CHANNEL_EMAIL
    assert world.last_headers["traceparent"].split("-")[1] == "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.usefixtures("grpc_port")
async def test_an_acknowledgement_whose_clocks_never_come_leaves_after_its_wait(world, sink):
    await world.say(world.account(), new_id())
    await world.say(world.ticket_opened())
    [acknowledgement] = await mails(sink, 1)
    await world.say(world.clocks_armed())
    await world.say(world.message_sent())
    await mails(sink, 2)

    assert "не позднее" not in text_of(acknowledgement)
    assert len(sink.mails) == 2


@pytest.mark.usefixtures("grpc_port")
async def test_an_account_that_comes_late_delays_but_loses_nothing(world, sink):
    await world.say(world.message_sent())
    await asyncio.sleep(0.3)
    assert sink.mails == []
    await world.say(world.account(), new_id())

    [answer] = await mails(sink, 1)
    assert "Перезагрузите кассу." in text_of(answer)


@pytest.mark.usefixtures("grpc_port")
async def test_what_is_refused_for_good_is_said(world, sink):
    sink.answers["RCPT"] = ["550 5.1.1 no such user"]
    await world.say(world.account(), new_id())
    sent = world.message_sent()
    await world.say(sent)
    failed = await world.heard(events_pb2.DeliveryFailed)

    assert failed.message_id == sent.message_id
    assert failed.reason == "address_refused"


async def test_an_agent_sees_what_left(world, sink, grpc_port, issuer):
    await world.say(world.account(), new_id())
    await world.say(world.message_sent())
    await world.heard(events_pb2.DeliveryAccepted)
    token = issuer.issue(Principal("agent", new_id(), frozenset({"agent"})))
    metadata = (("authorization", f"Bearer {token}"),)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{grpc_port}") as channel:
        stub = NotifyServiceStub(channel)
        listed = await stub.ListDeliveries(
            notify_service_pb2.ListDeliveriesRequest(conversation_id=world.conversation_id),
            metadata=metadata,
        )
        [delivery] = listed.deliveries
        whole = await stub.GetDelivery(
            notify_service_pb2.GetDeliveryRequest(name=delivery.name), metadata=metadata
        )
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.ListDeliveries(
                notify_service_pb2.ListDeliveriesRequest(page_token="!!"), metadata=metadata
            )

    assert delivery.state == delivery_pb2.DELIVERY_STATE_ACCEPTED
    assert delivery.text == ""
    assert "Перезагрузите кассу." in whole.text
    assert whole.address == "ivan@example.org"
    assert whole.attempt_count == 1
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
