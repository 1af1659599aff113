"""Set up what the desk offers and how it works."""

from otklik_tickets.domain.catalogue import RequestType, Service
from otklik_tickets.domain.customer import Segment
from otklik_tickets.domain.errors import RequestTypeNotFound
from otklik_tickets.domain.priority import PriorityMatrix
from otklik_tickets.ports import UnitOfWork


async def create_request_type(unit: UnitOfWork, request_type: RequestType) -> RequestType:
    """Add a request type; its matrix was found sound when it was made."""
    await unit.desk.add_request_type(request_type)
    return request_type


async def create_service(unit: UnitOfWork, service: Service) -> Service:
    """Add a service whose request type exists."""
    catalogue = await unit.desk.catalogue()
    if service.request_type not in catalogue.request_types:
        raise RequestTypeNotFound(service.request_type)
    await unit.desk.add_service(service)
    return service


async def create_segment(unit: UnitOfWork, segment: Segment) -> Segment:
    """Add a segment."""
    await unit.desk.add_segment(segment)
    return segment


async def update_priority_matrix(unit: UnitOfWork, matrix: PriorityMatrix) -> PriorityMatrix:
    """Set the priority matrix; tickets that exist keep their priority."""
    await unit.desk.set_priorities(matrix)
    return matrix
