"""Loads `demo/seed/*.yaml` through the public APIs; what is there already stays as it is."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import grpc
import yaml
from google.protobuf import json_format
from google.protobuf.message import Message

from otklik.intake.v1 import intake_service_pb2, intake_service_pb2_grpc
from otklik.sla.v1 import sla_service_pb2, sla_service_pb2_grpc
from otklik.tickets.v1 import (
    catalogue_service_pb2,
    catalogue_service_pb2_grpc,
    directory_service_pb2,
    directory_service_pb2_grpc,
)
from otklik_runtime.ids import stable_id
from tools.local.callers import Callers, CallRefused
from tools.local.environment import BOOTSTRAP_SUBJECT
from tools.local.home import ROOT, Home
from tools.local.secrets import PARTNER
from tools.local.stack import Stack
from tools.local.together import together

SEED = ROOT / "demo/seed"
PARTNER_FACTS = "partner.json"
# What a service says of something that is there already, beside `<it>_exists`.
THERE_ALREADY = {"customer": ("identity_taken",), "segment": ("default_segment_exists",)}

Request = TypeVar("Request", bound=Message)
Call = Callable[[Any], Awaitable[Any]]


@dataclass(frozen=True, kw_only=True)
class Seeder:
    """Loads the seed as the first administrator."""

    callers: Callers
    place: Home
    folder: Path = SEED

    async def load(self, services: tuple[str, ...]) -> None:
        """Load everything that the running services take."""
        chains = []
        if "tickets" in services:
            chains.append(self._tickets(intake="intake" in services))
        if "sla" in services:
            chains.append(self._sla())
        await together(*chains)

    async def _tickets(self, *, intake: bool) -> None:
        catalogue = await self._stub(catalogue_service_pb2_grpc.CatalogueServiceStub, "tickets")
        directory = await self._stub(directory_service_pb2_grpc.DirectoryServiceStub, "tickets")
        pb, dpb = catalogue_service_pb2, directory_service_pb2
        await self._each("segments", "segment", directory.CreateSegment, dpb.CreateSegmentRequest)
        await self._each(
            "request_types",
            "request_type",
            catalogue.CreateRequestType,
            pb.CreateRequestTypeRequest,
        )
        await self._each("services", "service", catalogue.CreateService, pb.CreateServiceRequest)
        matrix = {"priority_matrix": self._read("priority_matrix")}
        await catalogue.UpdatePriorityMatrix(
            json_format.ParseDict(matrix, pb.UpdatePriorityMatrixRequest())
        )
        await self._each("agents", "agent", directory.CreateAgent, dpb.CreateAgentRequest)
        await self._each(
            "customers", "customer", directory.CreateCustomer, dpb.CreateCustomerRequest
        )
        await self._partner(directory)
        if intake:
            await self._intake()

    async def _sla(self) -> None:
        sla = await self._stub(sla_service_pb2_grpc.SlaServiceStub, "sla")
        pb = sla_service_pb2
        await self._each("calendars", "calendar", sla.CreateCalendar, pb.CreateCalendarRequest)
        await self._each("policies", "policy", sla.CreatePolicy, pb.CreatePolicyRequest)

    async def _intake(self) -> None:
        intake = await self._stub(intake_service_pb2_grpc.IntakeServiceStub, "intake")
        await self._each(
            "channel_accounts",
            "channel_account",
            intake.CreateChannelAccount,
            intake_service_pb2.CreateChannelAccountRequest,
        )

    async def _partner(
        self, directory: "directory_service_pb2_grpc.DirectoryServiceAsyncStub"
    ) -> None:
        """Add the partner once: its name is made by the server and cannot be looked up."""
        if self.place.recall(PARTNER_FACTS):
            return
        [facts] = self._read("partners")
        partner = {**facts, "public_key_pem": self.callers.secrets.public_key_pem(PARTNER)}
        request = _request("partner", partner, directory_service_pb2.CreatePartnerRequest)
        made = await directory.CreatePartner(request)
        self.place.remember(PARTNER_FACTS, {"name": made.name})

    async def _stub(self, make: Callable[[grpc.aio.Channel], Any], service: str) -> Any:
        return await self.callers.person(BOOTSTRAP_SUBJECT, make, service)

    async def _each(
        self, name: str, field: str, call: Call, request_type: Callable[[], Message]
    ) -> None:
        for facts in self._read(name):
            try:
                await call(_request(field, facts, request_type))
            except CallRefused as refused:
                if refused.reason not in {f"{field}_exists", *THERE_ALREADY.get(field, ())}:
                    raise

    def _read(self, name: str) -> Any:
        return yaml.safe_load((self.folder / f"{name}.yaml").read_text())[name]


async def load(stack: Stack) -> None:
    """Load the seed into a running stack."""
    async with Callers(stack.ports, stack.secrets) as callers:
        await Seeder(callers=callers, place=stack.place).load(tuple(stack.services))


def partner_name(place: Home) -> str:
    """Give the name that tickets gave to the seeded partner: `partners/...`."""
    return str(place.recall(PARTNER_FACTS)["name"])


def _request(
    field: str, facts: Mapping[str, object], request_type: Callable[[], Request]
) -> Request:
    # The same content has the same id: loading it again is a replay, not a second one.
    digest = hashlib.sha256(repr(sorted(facts.items())).encode()).hexdigest()
    document = {field: facts, "request_id": stable_id("seed", field, digest)}
    return json_format.ParseDict(document, request_type())
