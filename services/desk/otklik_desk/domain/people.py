"""Who uses the desk's pages."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Admission:
    """Who somebody is, and what opens the services to them."""

    kind: str
    id: str
    roles: frozenset[str]
    locale: str
    conversation_id: str
    access_token: str = field(repr=False)
    session_token: str = field(repr=False)
    good_for_seconds: float

    def has_role(self, *roles: str) -> bool:
        """Tell whether this person has one of these roles."""
        return not self.roles.isdisjoint(roles)


def short_name(name: str) -> str:
    """Give a name as customers see it: `Anna Petrova` is `Anna P.`."""
    given, *others = name.split() or [""]
    return f"{given} {others[-1][0]}." if others else given
