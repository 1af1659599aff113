"""The seed is data: every file must be whole before a service ever sees it."""

import protovalidate
import pytest
import yaml
from google.protobuf import json_format

from otklik.intake.v1 import intake_service_pb2
from otklik.sla.v1 import sla_service_pb2
from otklik.tickets.v1 import catalogue_service_pb2, directory_service_pb2
from tools.local.seed import SEED

REQUESTS = {
    "segments": ("segment", directory_service_pb2.CreateSegmentRequest),
    "request_types": ("request_type", catalogue_service_pb2.CreateRequestTypeRequest),
    "services": ("service", catalogue_service_pb2.CreateServiceRequest),
    "calendars": ("calendar", sla_service_pb2.CreateCalendarRequest),
    "policies": ("policy", sla_service_pb2.CreatePolicyRequest),
    "channel_accounts": ("channel_account", intake_service_pb2.CreateChannelAccountRequest),
    "agents": ("agent", directory_service_pb2.CreateAgentRequest),
    "customers": ("customer", directory_service_pb2.CreateCustomerRequest),
}


def _read(name):
    return yaml.safe_load((SEED / f"{name}.yaml").read_text())[name]


@pytest.mark.parametrize("name", REQUESTS)
def test_every_entry_is_a_valid_request_of_the_contracts(name):
    field, request_type = REQUESTS[name]

    for facts in _read(name):
        request = json_format.ParseDict({field: facts}, request_type())
        protovalidate.validate(request)


def test_the_priority_matrix_has_every_pair_once():
    matrix = json_format.ParseDict(
        {"priority_matrix": _read("priority_matrix")},
        catalogue_service_pb2.UpdatePriorityMatrixRequest(),
    )

    protovalidate.validate(matrix)
    cells = matrix.priority_matrix.cells
    assert len({(cell.impact, cell.urgency) for cell in cells}) == 9


def test_every_priority_has_a_policy():
    promised = [priority for policy in _read("policies") for priority in policy["priorities"]]

    assert sorted(promised) == ["PRIORITY_P1", "PRIORITY_P2", "PRIORITY_P3", "PRIORITY_P4"]


def test_every_name_that_is_used_is_defined():
    names = {
        entry["name"]
        for file in ("segments", "request_types", "services", "calendars", "channel_accounts")
        for entry in _read(file)
    }
    used = {
        *(service["request_type"] for service in _read("services")),
        *(target["calendar"] for policy in _read("policies") for target in policy["targets"]),
        *(account["default_service"] for account in _read("channel_accounts")),
        *(account.get("reply_account", account["name"]) for account in _read("channel_accounts")),
        *(customer["segment"] for customer in _read("customers")),
    }

    assert used - names == set()


def test_no_address_of_the_seed_can_reach_a_stranger():
    addresses = [
        identity["address"]
        for customer in _read("customers")
        for identity in customer["identities"]
    ] + [account["address"] for account in _read("channel_accounts") if "address" in account]

    assert all(address.endswith(".example") for address in addresses)
