"""DirectoryService and CatalogueService: one of each, and none that is unsound."""

import grpc

from otklik.tickets.v1 import catalogue_pb2, directory_pb2, ticket_pb2
from otklik.tickets.v1 import catalogue_service_pb2 as catalogue_pb
from otklik.tickets.v1 import directory_service_pb2 as directory_pb
from otklik.type.v1 import channel_pb2

TRACE = "0af7651916cd43dd8448eb211c80319c"


async def test_an_address_belongs_to_one_customer(running, front):
    def request(address):
        customer = directory_pb2.Customer(display_name="Ольга")
        customer.identities.add(channel=channel_pb2.CHANNEL_EMAIL, address=address, verified=True)
        return directory_pb.CreateCustomerRequest(customer=customer)

    made = await running.directory.CreateCustomer(request("Olga@Example.ru"), metadata=front.agent)
    code, reason, facts = await running.refusal(
        running.directory.CreateCustomer(request("olga@example.RU"), metadata=front.lead)
    )
    found = await running.directory.ListCustomers(
        directory_pb.ListCustomersRequest(address="OLGA@example.ru"), metadata=front.agent
    )
    got = await running.directory.GetCustomer(
        directory_pb.GetCustomerRequest(name=made.name), metadata=front.agent
    )

    assert made.identities[0].address == "olga@example.ru"
    assert (code, reason) == (grpc.StatusCode.ABORTED, "IDENTITY_TAKEN")
    assert facts["customer"] == made.name
    assert list(found.customers) == [made] == [got]


async def test_the_directory_is_listed_in_pages(running, front):
    names, token = [], ""
    while True:
        page = await running.directory.ListAgents(
            directory_pb.ListAgentsRequest(page_size=1, page_token=token), metadata=front.agent
        )
        names += [agent.display_name for agent in page.agents]
        token = page.next_page_token
        if not token:
            break
    segments = await running.directory.ListSegments(
        directory_pb.ListSegmentsRequest(), metadata=front.agent
    )

    assert names == ["Administrator", "Anna", "Boris"]
    assert [segment.name for segment in segments.segments] == ["segments/key", "segments/plain"]


async def test_the_catalogue_refuses_twins_and_unsound_matrices(running, front):
    services = await running.catalogue.ListServices(
        catalogue_pb.ListServicesRequest(), metadata=front.agent
    )
    assert [each.name for each in services.services] == [
        "services/mail",
        "services/network",
        "services/other",
    ]
    code, reason, _ = await running.refusal(
        running.catalogue.CreateService(
            catalogue_pb.CreateServiceRequest(service=services.services[0]), metadata=front.admin
        )
    )
    assert (code, reason) == (grpc.StatusCode.ABORTED, "SERVICE_EXISTS")

    got = await running.catalogue.GetRequestType(
        catalogue_pb.GetRequestTypeRequest(name="requestTypes/request"), metadata=front.agent
    )
    unsound = catalogue_pb2.RequestType()
    unsound.CopyFrom(got)
    unsound.name = "requestTypes/other"
    unsound.states.add(key="island", meaning=ticket_pb2.STATE_MEANING_CLOSED)
    unsound.states[-1].display_name.CopyFrom(got.display_name)
    code, reason, facts = await running.refusal(
        running.catalogue.CreateRequestType(
            catalogue_pb.CreateRequestTypeRequest(request_type=unsound), metadata=front.admin
        )
    )
    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "STATE_MATRIX")
    assert facts["state"] == "island"


async def test_a_second_default_segment_is_refused(running, front):
    segment = directory_pb2.Segment(
        name="segments/other", impact=ticket_pb2.LEVEL_LOW, default=True
    )
    segment.display_name.ru = segment.display_name.en = "other"

    code, reason, _ = await running.refusal(
        running.directory.CreateSegment(
            directory_pb.CreateSegmentRequest(segment=segment), metadata=front.admin
        )
    )

    assert (code, reason) == (grpc.StatusCode.ABORTED, "DEFAULT_SEGMENT_EXISTS")
