"""A migrated database of tickets' own, and the whole service built by its own bootstrap."""

import asyncio
import base64
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from nats.aio.client import Client

from otklik.intake.v1 import events_pb2 as intake
from otklik.tickets.v1 import catalogue_service_pb2 as catalogue_pb
from otklik.tickets.v1 import (
    directory_pb2,
    events_pb2,
    ticket_pb2,
    ticket_service_pb2,
)
from otklik.tickets.v1 import directory_service_pb2 as directory_pb
from otklik.tickets.v1 import identity_service_pb2 as identity
from otklik.tickets.v1.catalogue_service_pb2_grpc import CatalogueServiceStub
from otklik.tickets.v1.directory_service_pb2_grpc import DirectoryServiceStub
from otklik.tickets.v1.identity_service_pb2_grpc import IdentityServiceStub
from otklik.tickets.v1.ticket_service_pb2_grpc import TicketServiceStub
from otklik_runtime import health, keys, migrations
from otklik_runtime.database import Database
from otklik_runtime.envelope import Recorded, durable_of, headers_of, stream_of, subject_prefix
from otklik_runtime.ids import new_id
from otklik_runtime.key_ring import KeyRing
from otklik_tickets.adapters.repository import CatalogueCopy
from otklik_tickets.adapters.unit_of_work import PostgresUnitOfWork
from otklik_tickets.bootstrap import bootstrap
from otklik_tickets.domain.catalogue import Catalogue
from otklik_tickets.domain.commands import HearMessage
from otklik_tickets.settings import Settings
from otklik_tickets.wire.catalogue import (
    priorities_message,
    request_type_message,
    service_message,
)
from otklik_tickets.wire.directory import segment_message

OWNERS = ("intake", "sla", "notify", "tickets")
BOOTSTRAP = "dev-admin"
CLIENT = "otklik-desk"

Metadata = tuple[tuple[str, str], ...]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    await migrations.upgrade(database_url, "otklik_tickets")
    async with AsyncExitStack() as stack:
        yield await Database.open(database_url, stack, service="tickets")


@pytest.fixture
def catalogue_copy() -> CatalogueCopy:
    return CatalogueCopy()


@pytest.fixture
async def desk(database, catalogue_copy, catalogue_of) -> Database:
    """The database of a desk that is set up."""
    kept = catalogue_of()
    async with database.transaction() as transaction:
        unit = PostgresUnitOfWork(transaction, catalogue_copy)
        for request_type in kept.request_types.values():
            await unit.desk.add_request_type(request_type)
        for service in kept.services.values():
            await unit.desk.add_service(service)
        for segment in kept.segments.values():
            await unit.desk.add_segment(segment)
        await unit.desk.set_priorities(kept.priorities)
    return database


@dataclass
class Provider:
    """An OpenID Connect provider on loopback."""

    url: str
    key: keys.PrivateKey
    asked: int = 0

    def id_token(self, subject: str, **claims) -> str:
        now = int(time.time())  # noqa: TID251 - compared with the verifier's system clock
        facts = {"iss": self.url, "aud": CLIENT, "sub": subject, "iat": now, "exp": now + 600}
        return jwt.encode(facts | claims, self.key, algorithm="EdDSA", headers={"kid": self.key_id})

    @property
    def key_id(self) -> str:
        return keys.key_id(self.key.public_key())

    def documents(self) -> dict[str, object]:
        raw = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        x = base64.urlsafe_b64encode(raw).decode().rstrip("=")
        key = {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": self.key_id, "alg": "EdDSA"}
        return {
            "/.well-known/openid-configuration": {
                "issuer": self.url,
                "jwks_uri": f"{self.url}/keys",
            },
            "/keys": {"keys": [key]},
        }


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    made = Provider(url="", key=keys.generate())

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        made.asked += 1
        body = json.dumps(made.documents()[path]).encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield made
    server.close()


class World:
    """Everybody else: says events as their owners would, and hears what tickets says."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._versions: dict[str, int] = defaultdict(int)

    async def prepare(self) -> None:
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
            if owner != "tickets":
                await self._client.jetstream().add_consumer(
                    stream_of(owner),
                    durable_name=durable_of("tickets", owner),
                    ack_policy="explicit",
                )

    async def say(self, message: Message, aggregate_id: str) -> Recorded:
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
        await self.publish(event)
        return event

    async def publish(self, event: Recorded) -> None:
        owner = event.type.split(".")[1]
        await self._client.jetstream().publish(
            event.subject, event.payload, headers=headers_of(event, owner)
        )

    async def receive(self, mail: HearMessage) -> Recorded:
        """Say what intake says of this mail."""
        message = intake.MessageReceived(
            item_id=mail.item_id,
            conversation_id=mail.conversation_id,
            channel=int(mail.channel),
            account="channelAccounts/support",
            sender_address=mail.sender_address,
            sender_name=mail.sender_name,
            subject=mail.subject,
            text=mail.text,
            locale=mail.locale,
            service=mail.service,
            automatic=mail.automatic,
            internet_message_id=mail.internet_message_id,
            partner_id=mail.partner_id,
        )
        message.receive_time.FromDatetime(mail.received_at)
        message.reply_route.channel = int(mail.reply_route.channel)
        message.reply_route.account = mail.reply_route.account
        message.reply_route.address = mail.reply_route.address
        return await self.say(message, mail.conversation_id)

    @staticmethod
    async def eventually(look, want) -> None:
        """Wait until a view shows what another service has said."""
        async with asyncio.timeout(20):
            while await look() != want:  # noqa: ASYNC110 - a view offers no event
                await asyncio.sleep(0.05)

    async def heard(self, kind: type[Message], count: int = 1) -> list[Message]:
        """Wait until tickets has said so many of a kind, and give them in order."""
        subject = f"{subject_prefix(kind.DESCRIPTOR.full_name)}.*"
        found = await self._client.jetstream().subscribe(subject, ordered_consumer=True)
        messages = [await found.next_msg(timeout=20) for _ in range(count)]
        self.headers = [message.headers for message in messages]
        await found.unsubscribe()
        return [kind.FromString(message.data) for message in messages]


@pytest.fixture
async def world(nats_client: Client) -> World:
    world = World(nats_client)
    await world.prepare()
    return world


@pytest.fixture
async def settings(database_url, nats_url, provider, tmp_path: Path) -> Settings:
    own, signing = tmp_path / "tickets.pem", tmp_path / "signing.pem"
    service_keys, ring = tmp_path / "services.json", tmp_path / "ring.json"
    for path in (own, signing, tmp_path / "sla.pem"):
        keys.save_private(keys.generate(), path)
    public = keys.load_private(tmp_path / "sla.pem")[0].public_key()
    service_keys.write_text(json.dumps({"sla": keys.public_text(public)}))
    ring.write_text(KeyRing.generate())
    address = "127.0.0.1:1"  # nobody: gaps are not closed here
    return Settings(
        environment="development",
        database_url=database_url,
        database_direct_url=database_url,
        nats_url=nats_url,
        nats_user="tickets",
        identity_address=address,
        grpc_addresses=dict.fromkeys(OWNERS, address),
        private_key_file=own,
        key_ring_file=ring,
        signing_key_file=signing,
        staff_issuer_url=provider.url,
        bootstrap_admin_subject=BOOTSTRAP,
        service_keys_file=service_keys,
    )


@dataclass
class Desk:
    """A desk that was set up through the public API, and the people of it."""

    admin: Metadata
    agent: Metadata
    lead: Metadata
    agent_name: str


class Running:
    """The service, running, and the way to it as anybody."""

    def __init__(self, channel: grpc.aio.Channel, http_port: int, provider: Provider) -> None:
        self.tickets = TicketServiceStub(channel)
        self.directory = DirectoryServiceStub(channel)
        self.catalogue = CatalogueServiceStub(channel)
        self.identity = IdentityServiceStub(channel)
        self.http_port = http_port
        self._provider = provider

    async def exchange(self, kind: int, proof: str) -> identity.ExchangeTokenResponse:
        return await self.identity.ExchangeToken(
            identity.ExchangeTokenRequest(subject_token_type=kind, subject_token=proof)
        )

    @staticmethod
    def bearer(answer: identity.ExchangeTokenResponse) -> Metadata:
        return (("authorization", f"Bearer {answer.access_token}"),)

    async def sign_in(self, subject: str) -> Metadata:
        """Sign somebody of the staff in."""
        kind = identity.SUBJECT_TOKEN_TYPE_STAFF_ID_TOKEN
        return self.bearer(await self.exchange(kind, self._provider.id_token(subject)))

    async def ticket(self, ticket_id: str, who: Metadata) -> ticket_pb2.Ticket:
        request = ticket_service_pb2.GetTicketRequest(name=f"tickets/{ticket_id}")
        return await self.tickets.GetTicket(request, metadata=who)

    @staticmethod
    async def refusal(call) -> tuple[grpc.StatusCode, str, dict[str, str]]:
        """The code, reason and facts of a refused call."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call
        error = refused.value
        for name, value in error.trailing_metadata():
            if name == "grpc-status-details-bin":
                for detail in status_pb2.Status.FromString(value).details:
                    info = error_details_pb2.ErrorInfo()
                    if detail.Unpack(info):
                        return error.code(), info.reason, dict(info.metadata)
        return error.code(), "", {}

    async def set_up(self, kept: Catalogue) -> Desk:
        """Do what an administrator does on the first day."""
        admin = await self.sign_in(BOOTSTRAP)
        for request_type in map(request_type_message, kept.request_types.values()):
            request = catalogue_pb.CreateRequestTypeRequest(request_type=request_type)
            await self.catalogue.CreateRequestType(request, metadata=admin)
        for service in map(service_message, kept.services.values()):
            request = catalogue_pb.CreateServiceRequest(service=service)
            await self.catalogue.CreateService(request, metadata=admin)
        for segment in map(segment_message, kept.segments.values()):
            request = directory_pb.CreateSegmentRequest(segment=segment)
            await self.directory.CreateSegment(request, metadata=admin)
        priorities = priorities_message(kept.priorities)
        request = catalogue_pb.UpdatePriorityMatrixRequest(priority_matrix=priorities)
        await self.catalogue.UpdatePriorityMatrix(request, metadata=admin)
        anna = await self._add_agent("anna", "agent", admin)
        await self._add_agent("boris", "lead", admin)
        return Desk(
            admin=admin,
            agent=await self.sign_in("anna"),
            lead=await self.sign_in("boris"),
            agent_name=anna.name,
        )

    async def _add_agent(self, subject: str, role: str, admin: Metadata) -> directory_pb2.Agent:
        agent = directory_pb2.Agent(
            display_name=subject.title(), subject=subject, roles=[role], locale="ru"
        )
        request = directory_pb.CreateAgentRequest(agent=agent)
        return await self.directory.CreateAgent(request, metadata=admin)


@pytest.fixture
async def front(running: Running, catalogue_of) -> Desk:
    """A desk that is set up, reached from outside."""
    return await running.set_up(catalogue_of())


@pytest.fixture
def opened(world: World, front: Desk, a_mail):
    """Let a mail arrive and give the ticket it opened."""
    count = 0

    async def make(**told) -> events_pb2.TicketOpened:
        nonlocal count
        count += 1
        await world.receive(a_mail(**told))
        return (await world.heard(events_pb2.TicketOpened, count))[-1]

    return make


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - other parts' state, which offers no event
            await asyncio.sleep(0.02)


@pytest.fixture
async def running(settings, world, provider) -> AsyncIterator[Running]:
    """Run tickets with an empty database."""
    await migrations.upgrade(settings.database_direct_url, "otklik_tickets")
    state = health.begin()
    async with AsyncExitStack() as stack:
        entrypoints = await bootstrap(settings, stack)
        state.watch(entrypoints)
        tasks = [asyncio.create_task(each.run(), name=each.name) for each in entrypoints]
        await until(lambda: state.why_not_ready() is None)
        ports = {each.name: each.port for each in entrypoints if each.name in ("grpc", "http")}
        async with grpc.aio.insecure_channel(f"127.0.0.1:{ports['grpc']}") as channel:
            yield Running(channel, ports["http"], provider)
        # All at once: nobody watches the order here, and each may take a second.
        async with asyncio.timeout(20):
            await asyncio.gather(*(each.drain() for each in entrypoints), *tasks)
