"""Who may call which method: the rows of `proto/flows.yaml`, which the contracts carry as data.

What has no row does not exist: a server with a method that is not listed refuses to start.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from otklik_runtime import auth
from otklik_runtime.errors import CannotStart, Forbidden

ANYBODY = "anonymous"
SERVICE = "service"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Who may call one method.

    Attributes:
        roles: The roles that may; `anonymous` needs no token, `service` is a service's own token.
        callers: The services that may, where `service` is among the roles; any when empty.
    """

    roles: frozenset[str]
    callers: frozenset[str]

    @property
    def anybody(self) -> bool:
        """Whether no token is needed."""
        return ANYBODY in self.roles

    def allows(self, caller: auth.Principal) -> bool:
        """Tell whether this caller may."""
        if self.anybody:
            return True
        if caller.kind == SERVICE:
            return SERVICE in self.roles and (not self.callers or caller.id in self.callers)
        return caller.has_role(*(self.roles - {SERVICE}))


class Access:
    """The table of methods, by full name: `otklik.sample.v1.SampleService/GetSample`."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self._rules = rules

    @classmethod
    def load(cls) -> "Access":
        """Read the table that the contracts carry."""
        flows = json.loads((files("otklik") / "flows.json").read_text())
        return cls.of(flows["methods"])

    @classmethod
    def of(cls, methods: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> "Access":
        """Take a table: service -> method -> `{roles: [...], callers: [...]}`."""
        return cls(
            {
                f"{service}/{method}": Rule(
                    roles=frozenset(row.get("roles", ())),
                    callers=frozenset(row.get("callers", ())),
                )
                for service, rows in methods.items()
                for method, row in rows.items()
            },
        )

    def rule(self, method: str) -> Rule:
        """Give the row of a method that was checked at start."""
        return self._rules[method]

    def require_rows(self, methods: Iterable[str]) -> None:
        """Refuse to serve what nobody has decided about.

        Raises:
            CannotStart: names the methods without a row, and those with an empty one.
        """
        undecided = [
            method
            for method in methods
            if method not in self._rules or not self._rules[method].roles
        ]
        if undecided:
            raise CannotStart(
                f"nobody says who may call {', '.join(sorted(undecided))}: add a row to "
                "proto/flows.yaml and run `make proto`",
            )

    def require(self, method: str, caller: auth.Principal) -> None:
        """Let the caller pass or say who may.

        Raises:
            Unauthenticated: `token_missing`, nobody in particular calls.
            Forbidden: `role_missing`.
        """
        rule = self._rules[method]
        if rule.allows(caller):
            return
        if caller.kind == ANYBODY:
            raise auth.missing()
        allowed = ", ".join(sorted(rule.roles))
        raise Forbidden(
            "role_missing",
            f"{method} may be called by: {allowed}; sign in as one who has such a role, or ask an "
            "administrator for it",
            method=method,
            roles=allowed,
        )
