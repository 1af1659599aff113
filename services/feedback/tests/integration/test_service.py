"""Feedback as a whole, built by its own bootstrap: real broker, database, HTTP and gRPC."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import grpc
import httpx
import pytest
from google.protobuf.message import Message
from nats.aio.client import Client

from otklik.feedback.v1 import events_pb2, feedback_service_pb2, rating_pb2
from otklik.feedback.v1.feedback_service_pb2_grpc import FeedbackServiceStub
from otklik.intake.v1 import events_pb2 as intake
from otklik.sla.v1 import clock_pb2
from otklik.sla.v1 import events_pb2 as sla
from otklik.tickets.v1 import events_pb2 as tickets
from otklik.type.v1 import channel_pb2
from otklik_feedback.bootstrap import bootstrap
from otklik_feedback.settings import Settings
from otklik_runtime import health, keys, migrations
from otklik_runtime.auth import Principal, TokenIssuer
from otklik_runtime.envelope import Recorded, durable_of, headers_of, stream_of, subject_prefix
from otklik_runtime.ids import new_id
from otklik_runtime.key_ring import KeyRing
from otklik_runtime.testing.process import free_port

OWNERS = ("tickets", "sla", "intake", "feedback")
TRACE = "0af7651916cd43dd8448eb211c80319c"


class World:
    """Everybody else: says events as their owners would, and hears what feedback says."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._versions: dict[str, int] = defaultdict(int)
        self.conversation_id = new_id()
        self.ticket_id = new_id()
        self.trace = ""

    async def prepare(self) -> None:
        for owner in OWNERS:
            name = stream_of(owner)
            config = {"name": name, "subjects": [f"otklik.{owner}.v1.>"], "allow_atomic": True}
            answer = await self._client.request(
                f"$JS.API.STREAM.CREATE.{name}", json.dumps(config).encode()
            )
            assert "error" not in json.loads(answer.data)
            if owner != "feedback":
                await self._client.jetstream().add_consumer(
                    name, durable_name=durable_of("feedback", owner), ack_policy="explicit"
                )

    async def say(self, message: Message) -> None:
        name = message.DESCRIPTOR.full_name
        owner = name.split(".")[1]
        self._versions[owner] += 1
        now = datetime.now(UTC)  # noqa: TID251 - the test is the world
        event = Recorded(
            position=0,
            event_id=new_id(),
            type=name,
            aggregate_id=self.conversation_id,
            version=self._versions[owner],
            subject=f"{subject_prefix(name)}.{self.conversation_id}",
            payload=message.SerializeToString(),
            occurred_at=now,
            recorded_at=now,
            actor=f"service/{owner}",
            cause_id="",
            traceparent=f"00-{TRACE}-b7ad6b7169203331-01",
        )
        await self._client.jetstream().publish(
            event.subject, event.payload, headers=headers_of(event, owner)
        )

    async def heard(self, kind: type[Message]) -> Message:
        """Wait for what feedback says first of a kind."""
        found = await self._client.jetstream().subscribe(
            f"{subject_prefix(kind.DESCRIPTOR.full_name)}.*", ordered_consumer=True
        )
        message = await found.next_msg(timeout=15)
        self.trace = message.headers["traceparent"].split("-")[1]
        await found.unsubscribe()
        return kind.FromString(message.data)

    def ticket_resolved(self, episode: int = 1) -> tickets.TicketResolved:
        resolved = tickets.TicketResolved(
            ticket_id=self.ticket_id,
            number="OT-000123",
            conversation_id=self.conversation_id,
            episode=episode,
            customer_id=new_id(),
            agent_id=new_id(),
            resolution_text="Касса работает.",
            subject="Не работает касса",
            locale="ru",
            in_reply_to="<first@example.org>",
            message_id=new_id(),
        )
        resolved.reply_route.channel = channel_pb2.CHANNEL_EMAIL
        resolved.reply_route.account = "channelAccounts/support"
        resolved.reply_route.address = "ivan@example.org"
        return resolved

    def message_received(self) -> intake.MessageReceived:
        received = intake.MessageReceived(
            item_id=new_id(),
            conversation_id=self.conversation_id,
            channel=channel_pb2.CHANNEL_EMAIL,
            locale="ru",
            service="services/tills",
        )
        received.receive_time.FromDatetime(datetime(2026, 11, 24, 8, 0, tzinfo=UTC))
        received.reply_route.channel = channel_pb2.CHANNEL_EMAIL
        return received

    def clock_breached(self) -> sla.ClockBreached:
        breached = sla.ClockBreached(
            ticket_id=self.ticket_id,
            conversation_id=self.conversation_id,
            clock_id=new_id(),
            kind=clock_pb2.CLOCK_KIND_RESOLUTION,
        )
        breached.due_time.FromDatetime(datetime(2026, 11, 24, 8, 0, tzinfo=UTC))
        return breached


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
async def settings(database_url, nats_url, jwks_url, tmp_path: Path) -> Settings:
    ring, own = tmp_path / "ring.json", tmp_path / "feedback.pem"
    ring.write_text(KeyRing.generate())
    keys.save_private(keys.generate(), own)
    address = "127.0.0.1:1"  # nobody: gaps are not closed here
    return Settings(
        environment="development",
        database_url=database_url,
        database_direct_url=database_url,
        nats_url=nats_url,
        nats_user="feedback",
        jwks_url=jwks_url,
        identity_address=address,
        grpc_addresses=dict.fromkeys(OWNERS, address),
        private_key_file=own,
        key_ring_file=ring,
        http_port=free_port(),
    )


@dataclass(frozen=True, kw_only=True)
class Service:
    """Feedback, running."""

    stub: FeedbackServiceStub
    ring: KeyRing

    def link_token(self, survey_id: str) -> str:
        expires_at = datetime.now(UTC) + timedelta(days=30)  # noqa: TID251 - as notify would
        return self.ring.sign("survey", survey_id, expires_at)


@pytest.fixture
async def service(settings: Settings, world: World) -> AsyncIterator[Service]:
    await migrations.upgrade(settings.database_direct_url, "otklik_feedback")
    state = health.begin()
    async with AsyncExitStack() as stack:
        entrypoints = await bootstrap(settings, stack)
        state.watch(entrypoints)
        tasks = [asyncio.create_task(each.run(), name=each.name) for each in entrypoints]
        await until(lambda: state.why_not_ready() is None)
        port = next(each.port for each in entrypoints if each.name == "grpc")
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Service(
                stub=FeedbackServiceStub(channel), ring=KeyRing.load(settings.key_ring_file)
            )
        for each, task in zip(entrypoints, tasks, strict=True):
            await asyncio.wait_for(each.drain(), 20)
            await asyncio.wait_for(task, 20)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - other parts' state, which offers no event
            await asyncio.sleep(0.02)


async def test_a_resolved_ticket_asks_and_a_rating_is_said_in_one_trace(world, service):
    resolved = world.ticket_resolved()
    await world.say(resolved)
    invited = await world.heard(events_pb2.SurveyInvited)
    invited_in = world.trace
    rated = await service.stub.RateTicket(
        feedback_service_pb2.RateTicketRequest(
            link_token=service.link_token(invited.survey_id), score=5, comment="Спасибо!"
        )
    )
    given = await world.heard(events_pb2.RatingGiven)

    assert invited.reply_route == resolved.reply_route
    assert invited.ticket_number == "OT-000123"
    assert rated.state == rating_pb2.SURVEY_STATE_RATED
    assert (given.survey_id, given.score, given.agent_id) == (
        invited.survey_id,
        5,
        resolved.agent_id,
    )
    assert (invited_in, world.trace) == (TRACE, TRACE)


async def test_the_page_is_served_over_http(world, service, settings):
    await world.say(world.ticket_resolved())
    invited = await world.heard(events_pb2.SurveyInvited)
    link = f"http://127.0.0.1:{settings.http_port}/r/{service.link_token(invited.survey_id)}"
    async with httpx.AsyncClient(follow_redirects=True) as browser:
        form = await browser.get(link)
        thanks = await browser.post(link, data={"score": "3", "comment": ""})
        ready = await browser.get(f"http://127.0.0.1:{settings.http_port}/readyz")
    given = await world.heard(events_pb2.RatingGiven)

    assert "Как мы справились?" in form.text
    assert "Ваша оценка: Нормально" in thanks.text
    assert given.score == 3
    assert ready.status_code == 200


async def test_an_agent_sees_surveys_and_a_stranger_does_not(world, service, issuer):
    await world.say(world.ticket_resolved())
    invited = await world.heard(events_pb2.SurveyInvited)
    token = issuer.issue(Principal("agent", new_id(), frozenset({"agent"})))
    metadata = (("authorization", f"Bearer {token}"),)
    listed = await service.stub.ListSurveys(
        feedback_service_pb2.ListSurveysRequest(conversation_id=world.conversation_id),
        metadata=metadata,
    )
    one = await service.stub.GetSurvey(
        feedback_service_pb2.GetSurveyRequest(name=f"surveys/{invited.survey_id}"),
        metadata=metadata,
    )
    with pytest.raises(grpc.aio.AioRpcError) as stranger:
        await service.stub.ListSurveys(feedback_service_pb2.ListSurveysRequest())

    assert [survey.name for survey in listed.surveys] == [one.name]
    assert one.state == rating_pb2.SURVEY_STATE_INVITED
    assert stranger.value.code() is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize(
    ("score", "forged", "code"),
    [
        (6, False, grpc.StatusCode.INVALID_ARGUMENT),
        (5, True, grpc.StatusCode.UNAUTHENTICATED),
    ],
)
async def test_a_rating_that_cannot_be_taken_is_refused(world, service, score, forged, code):
    await world.say(world.ticket_resolved())
    invited = await world.heard(events_pb2.SurveyInvited)
    link_token = service.link_token(invited.survey_id)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await service.stub.RateTicket(
            feedback_service_pb2.RateTicketRequest(
                link_token=link_token[::-1] if forged else link_token, score=score
            )
        )

    assert refused.value.code() is code


@pytest.mark.usefixtures("service")
async def test_what_weighs_in_ratings_is_counted_and_remembered(world, database_url):
    await world.say(world.message_received())
    await world.say(world.message_received())
    await world.say(world.clock_breached())
    connection = await asyncpg.connect(database_url)

    async def numbers() -> tuple[int, int]:
        return (
            await connection.fetchval("select coalesce(sum(message_count), 0) from received"),
            await connection.fetchval("select count(*) from breaches"),
        )

    async with asyncio.timeout(15):
        while await numbers() != (2, 1):  # noqa: ASYNC110 - rows offer no event
            await asyncio.sleep(0.05)
    await connection.close()
