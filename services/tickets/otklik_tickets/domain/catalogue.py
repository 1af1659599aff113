"""What the desk offers and how it works: services, request types, segments, the priority matrix."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from otklik_tickets.domain.customer import Segment
from otklik_tickets.domain.errors import DeskNotConfigured
from otklik_tickets.domain.lifecycle import StateMatrix
from otklik_tickets.domain.priority import Level, Priority, PriorityMatrix
from otklik_tickets.domain.texts import LocalizedText


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """One service of the public catalogue."""

    name: str
    display_name: LocalizedText
    content: LocalizedText
    terms: LocalizedText
    territory: LocalizedText
    default_urgency: Level
    request_type: str
    keywords: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestType:
    """A kind of request with the states it goes through."""

    name: str
    display_name: LocalizedText
    matrix: StateMatrix


@dataclass(frozen=True, kw_only=True, slots=True)
class Classification:
    """What a new ticket is about, and how soon it must be dealt with."""

    service: Service
    request_type: RequestType
    impact: Level
    urgency: Level
    priority: Priority


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """The whole catalogue at one version: small, and read once until it changes.

    `services` keeps the order in which they were added.
    """

    services: Mapping[str, Service] = field(default_factory=dict)
    request_types: Mapping[str, RequestType] = field(default_factory=dict)
    segments: Mapping[str, Segment] = field(default_factory=dict)
    priorities: PriorityMatrix | None = None

    def service_by_keywords(self, text: str) -> Service | None:
        """The service whose longest keyword stands in this text at the beginning of a word.

        Only the beginning is looked at: Russian words bend at their end.
        """
        lowered = text.lower()
        for keyword, service in self._by_keyword:
            if _begins_a_word(keyword, lowered):
                return service
        return None

    def catch_all(self) -> Service:
        """The service of a message that nothing else tells: the first one without keywords."""
        services = list(self.services.values())
        if not services:
            raise DeskNotConfigured("a service")
        return next((service for service in services if not service.keywords), services[0])

    def matrix(self, request_type: str) -> StateMatrix:
        """The state matrix of this request type."""
        found = self.request_types.get(request_type)
        if found is None:
            raise DeskNotConfigured("the request type of the service")
        return found.matrix

    def segment_of(self, segment: str) -> Segment:
        """This segment, or the default one for a customer that is in none."""
        if segment in self.segments:
            return self.segments[segment]
        for candidate in self.segments.values():
            if candidate.default:
                return candidate
        raise DeskNotConfigured("a default segment")

    def classify(
        self, service: Service, *, segment: str, urgency: Level | None = None
    ) -> Classification:
        """Derive impact, urgency and priority of a request by a customer of this segment."""
        if self.priorities is None:
            raise DeskNotConfigured("a priority matrix")
        request_type = self.request_types.get(service.request_type)
        if request_type is None:
            raise DeskNotConfigured("the request type of the service")
        impact = self.segment_of(segment).impact
        urgent = urgency or service.default_urgency
        return Classification(
            service=service,
            request_type=request_type,
            impact=impact,
            urgency=urgent,
            priority=self.priorities.priority(impact=impact, urgency=urgent),
        )

    @cached_property
    def _by_keyword(self) -> Sequence[tuple[str, Service]]:
        """Every keyword with its service, the longest first."""
        words: dict[str, Service] = {}
        for service in self.services.values():
            for keyword in service.keywords:
                # The service added first keeps a word that two of them claim.
                words.setdefault(keyword.lower(), service)
        return sorted(words.items(), key=lambda each: (-len(each[0]), each[0]))


def _begins_a_word(keyword: str, text: str) -> bool:
    # Searching each word by itself is much faster than one pattern of them all.
    place = text.find(keyword)
    while place > 0 and (text[place - 1].isalnum() or text[place - 1] == "_"):
        place = text.find(keyword, place + 1)
    return place >= 0
