"""The catalogue in PostgreSQL, and the copy each process keeps of it.

Every change counts one row up; the copy is read again when that number has moved. The message path
pays one row a batch for a catalogue that is always current.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from otklik_tickets.adapters import tables
from otklik_tickets.adapters.statements import execute, fetch, fetch_one
from otklik_tickets.domain.catalogue import Catalogue, RequestType, Service
from otklik_tickets.domain.customer import Segment
from otklik_tickets.domain.errors import AlreadyExists
from otklik_tickets.domain.lifecycle import State, StateMatrix, StateMeaning, Transition
from otklik_tickets.domain.priority import Level, Priority, PriorityMatrix
from otklik_tickets.domain.texts import LocalizedText

_VERSION = "select version from catalogue_versions"
_COUNT = "update catalogue_versions set version = version + 1"
_SERVICES = """
    select name, display_name::text, content::text, terms::text, territory::text, default_urgency,
           request_type, keywords
      from services order by position
"""
_REQUEST_TYPES = """
    select name, display_name::text, states::text, transitions::text from request_types
"""
_SEGMENTS = "select name, display_name::text, impact, is_default from segments"
_OTHER_DEFAULT = "select name from segments where is_default and name <> $1"
_CELLS = "select impact, urgency, priority from priority_cells"


class CatalogueCopy:
    """One process's copy of the catalogue."""

    def __init__(self) -> None:
        """Begin without one."""
        self._version = -1
        self._catalogue = Catalogue()

    async def current(self, connection: AsyncConnection) -> Catalogue:
        """The catalogue as committed, read again only when it has changed."""
        [[version]] = await fetch(connection, _VERSION)
        if version != self._version:
            # The rows may be newer than the version read before them; then the next call, which
            # sees the newer version, reads them once more.
            self._catalogue = await read_catalogue(connection)
            self._version = version
        return self._catalogue


async def read_catalogue(connection: AsyncConnection) -> Catalogue:
    """Read the whole catalogue."""
    services = [_service(row) for row in await fetch(connection, _SERVICES)]
    request_types = [_request_type(row) for row in await fetch(connection, _REQUEST_TYPES)]
    segments = [_segment(row) for row in await fetch(connection, _SEGMENTS)]
    cells = {
        (Level(impact), Level(urgency)): Priority(priority)
        for impact, urgency, priority in await fetch(connection, _CELLS)
    }
    return Catalogue(
        services={each.name: each for each in services},
        request_types={each.name: each for each in request_types},
        segments={each.name: each for each in segments},
        priorities=PriorityMatrix(cells) if cells else None,
    )


class PostgresDesk:
    """The catalogue of one transaction."""

    def __init__(self, connection: AsyncConnection, copy: CatalogueCopy) -> None:
        """Use the transaction's connection and the process's copy."""
        self._connection = connection
        self._copy = copy
        self._changed = False

    async def catalogue(self) -> Catalogue:
        """Everything, as it is now; what this transaction changed never gets into the copy."""
        if self._changed:
            return await read_catalogue(self._connection)
        return await self._copy.current(self._connection)

    async def add_service(self, service: Service) -> None:
        """Keep a new service. Raises `service_exists`."""
        row = {
            "name": service.name,
            "display_name": asdict(service.display_name),
            "content": asdict(service.content),
            "terms": asdict(service.terms),
            "territory": asdict(service.territory),
            "default_urgency": int(service.default_urgency),
            "request_type": service.request_type,
            "keywords": list(service.keywords),
        }
        await self._add(tables.services, "service", row)

    async def add_request_type(self, request_type: RequestType) -> None:
        """Keep a new request type. Raises `request_type_exists`."""
        row = {
            "name": request_type.name,
            "display_name": asdict(request_type.display_name),
            "states": [asdict(state) for state in request_type.matrix.states.values()],
            "transitions": [asdict(move) for move in request_type.matrix.transitions],
        }
        await self._add(tables.request_types, "request_type", row)

    async def add_segment(self, segment: Segment) -> None:
        """Keep a new segment. Raises `segment_exists`, `default_segment_exists`."""
        row = {
            "name": segment.name,
            "display_name": asdict(segment.display_name),
            "impact": int(segment.impact),
            "is_default": segment.default,
        }
        await self._count()
        if segment.default:
            standing = await fetch_one(self._connection, _OTHER_DEFAULT, segment.name)
            if standing is not None:
                raise AlreadyExists("default_segment", standing[0])
        await self._add(tables.segments, "segment", row)

    async def set_priorities(self, matrix: PriorityMatrix) -> None:
        """Keep the priority matrix."""
        await self._count()
        statement = insert(tables.priority_cells)
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=["impact", "urgency"],
                set_={"priority": statement.excluded.priority},
            ),
            [
                {"impact": int(impact), "urgency": int(urgency), "priority": int(priority)}
                for (impact, urgency), priority in matrix.cells.items()
            ],
        )

    async def _add(self, table: Any, noun: str, row: dict[str, Any]) -> None:
        await self._count()
        statement = insert(table).values(row).on_conflict_do_nothing(index_elements=["name"])
        kept = await self._connection.execute(statement.returning(table.c.name))
        if kept.scalar_one_or_none() is None:
            raise AlreadyExists(noun, row["name"])

    async def _count(self) -> None:
        # Also makes whoever changes the catalogue at the same moment wait.
        if not self._changed:
            await execute(self._connection, _COUNT)
            self._changed = True


def _text(value: str) -> LocalizedText:
    return LocalizedText(**json.loads(value))


def _service(row: Sequence[Any]) -> Service:
    return Service(
        name=row[0],
        display_name=_text(row[1]),
        content=_text(row[2]),
        terms=_text(row[3]),
        territory=_text(row[4]),
        default_urgency=Level(row[5]),
        request_type=row[6],
        keywords=tuple(row[7]),
    )


def _request_type(row: Sequence[Any]) -> RequestType:
    states = [
        State(
            key=each["key"],
            display_name=LocalizedText(**each["display_name"]),
            meaning=StateMeaning(each["meaning"]),
            initial=each["initial"],
        )
        for each in json.loads(row[2])
    ]
    transitions = [
        Transition(
            act=each["act"],
            from_state=each["from_state"],
            to_state=each["to_state"],
            roles=tuple(each["roles"]),
            requires=tuple(each["requires"]),
        )
        for each in json.loads(row[3])
    ]
    return RequestType(
        name=row[0], display_name=_text(row[1]), matrix=StateMatrix.of(states, transitions)
    )


def _segment(row: Sequence[Any]) -> Segment:
    return Segment(name=row[0], display_name=_text(row[1]), impact=Level(row[2]), default=row[3])
