"""Customers, segments, agents and partners in protobuf."""

from otklik.tickets.v1 import directory_pb2
from otklik_runtime import instants
from otklik_tickets.domain.actors import Actor
from otklik_tickets.domain.channels import Channel, normalized
from otklik_tickets.domain.commands import CreateCustomer
from otklik_tickets.domain.customer import Customer, Identity, Segment, distinct_identities
from otklik_tickets.domain.priority import Level
from otklik_tickets.domain.staff import Agent, Partner
from otklik_tickets.wire.scalars import (
    channel_number,
    level_number,
    text_message,
    text_of,
)


def customer_message(customer: Customer) -> directory_pb2.Customer:
    """A customer as protobuf."""
    return directory_pb2.Customer(
        name=f"customers/{customer.id}",
        display_name=customer.display_name,
        identities=[
            directory_pb2.Identity(
                channel=channel_number(identity.address.channel),
                address=identity.address.value,
                verified=identity.verified,
            )
            for identity in customer.identities
        ],
        segment=customer.segment,
        locale=customer.locale,
        time_zone=customer.time_zone,
        create_time=instants.stamp(customer.created_at),
        etag=customer.etag,
    )


def create_customer(message: directory_pb2.Customer, by: Actor) -> CreateCustomer:
    """What a request to add this customer asks for."""
    return CreateCustomer(
        display_name=message.display_name,
        identities=distinct_identities(
            Identity(
                address=normalized(Channel(identity.channel), identity.address),
                verified=identity.verified,
            )
            for identity in message.identities
        ),
        segment=message.segment,
        locale=message.locale,
        time_zone=message.time_zone,
        by=by,
    )


def segment_message(segment: Segment) -> directory_pb2.Segment:
    """A segment as protobuf."""
    return directory_pb2.Segment(
        name=segment.name,
        display_name=text_message(segment.display_name),
        impact=level_number(segment.impact),
        default=segment.default,
    )


def segment_of(message: directory_pb2.Segment) -> Segment:
    """A segment of the contract."""
    return Segment(
        name=message.name,
        display_name=text_of(message.display_name),
        impact=Level(message.impact),
        default=message.default,
    )


def agent_message(agent: Agent) -> directory_pb2.Agent:
    """An agent as protobuf."""
    return directory_pb2.Agent(
        name=f"agents/{agent.id}",
        display_name=agent.display_name,
        subject=agent.subject,
        roles=agent.roles,
        locale=agent.locale,
    )


def partner_message(partner: Partner) -> directory_pb2.Partner:
    """A partner as protobuf."""
    return directory_pb2.Partner(
        name=f"partners/{partner.id}",
        display_name=partner.display_name,
        public_key_pem=partner.public_key_pem,
    )
