"""Services, request types and the priority matrix in protobuf."""

from otklik.tickets.v1 import catalogue_pb2
from otklik_tickets.domain.catalogue import RequestType, Service
from otklik_tickets.domain.lifecycle import State, StateMatrix, StateMeaning, Transition
from otklik_tickets.domain.priority import Level, Priority, PriorityCell, PriorityMatrix
from otklik_tickets.wire.scalars import (
    level_number,
    meaning_number,
    priority_number,
    text_message,
    text_of,
)


def service_message(service: Service) -> catalogue_pb2.Service:
    """A service as protobuf."""
    return catalogue_pb2.Service(
        name=service.name,
        display_name=text_message(service.display_name),
        content=text_message(service.content),
        terms=text_message(service.terms),
        territory=text_message(service.territory),
        default_urgency=level_number(service.default_urgency),
        request_type=service.request_type,
        keywords=service.keywords,
    )


def service_of(message: catalogue_pb2.Service) -> Service:
    """A service of the contract; its keywords in lower case, each once."""
    return Service(
        name=message.name,
        display_name=text_of(message.display_name),
        content=text_of(message.content),
        terms=text_of(message.terms),
        territory=text_of(message.territory),
        default_urgency=Level(message.default_urgency),
        request_type=message.request_type,
        keywords=tuple(dict.fromkeys(keyword.lower() for keyword in message.keywords)),
    )


def request_type_message(request_type: RequestType) -> catalogue_pb2.RequestType:
    """A request type as protobuf."""
    return catalogue_pb2.RequestType(
        name=request_type.name,
        display_name=text_message(request_type.display_name),
        states=[
            catalogue_pb2.State(
                key=state.key,
                display_name=text_message(state.display_name),
                meaning=meaning_number(state.meaning),
                initial=state.initial,
            )
            for state in request_type.matrix.states.values()
        ],
        transitions=[
            catalogue_pb2.Transition(
                act=move.act,
                from_state=move.from_state,
                to_state=move.to_state,
                roles=move.roles,
                requires=move.requires,
            )
            for move in request_type.matrix.transitions
        ],
    )


def request_type_of(message: catalogue_pb2.RequestType) -> RequestType:
    """A request type of the contract.

    Raises:
        InvalidInput: `state_matrix`, its matrix is not sound.
    """
    states = [
        State(
            key=state.key,
            display_name=text_of(state.display_name),
            meaning=StateMeaning(state.meaning),
            initial=state.initial,
        )
        for state in message.states
    ]
    transitions = [
        Transition(
            act=move.act,
            from_state=move.from_state,
            to_state=move.to_state,
            roles=tuple(move.roles),
            requires=tuple(move.requires),
        )
        for move in message.transitions
    ]
    return RequestType(
        name=message.name,
        display_name=text_of(message.display_name),
        matrix=StateMatrix.of(states, transitions),
    )


def priorities_message(matrix: PriorityMatrix) -> catalogue_pb2.PriorityMatrix:
    """The priority matrix as protobuf."""
    return catalogue_pb2.PriorityMatrix(
        name="priorityMatrix",
        cells=[
            catalogue_pb2.PriorityCell(
                impact=level_number(impact),
                urgency=level_number(urgency),
                priority=priority_number(priority),
            )
            for (impact, urgency), priority in sorted(matrix.cells.items())
        ],
    )


def priorities_of(message: catalogue_pb2.PriorityMatrix) -> PriorityMatrix:
    """The priority matrix of the contract.

    Raises:
        InvalidInput: `cells`, a pair is missing or given twice.
    """
    return PriorityMatrix.of(
        PriorityCell(
            impact=Level(cell.impact),
            urgency=Level(cell.urgency),
            priority=Priority(cell.priority),
        )
        for cell in message.cells
    )
