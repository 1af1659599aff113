"""Facts as rows and back."""

import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from otklik_sla.domain import facts
from otklik_sla.domain.facts import Fact, PolicyApplied
from otklik_sla.domain.kinds import StateMeaning
from otklik_sla.domain.policy import Policy

_KINDS: Mapping[str, type[Fact]] = {
    "opened": facts.Opened,
    "policy_applied": facts.PolicyApplied,
    "customer_message": facts.CustomerMessage,
    "agent_message": facts.AgentMessage,
    "state_changed": facts.StateChanged,
    "resolved": facts.Resolved,
    "reopened": facts.Reopened,
    "delivery_accepted": facts.DeliveryAccepted,
    "delivery_failed": facts.DeliveryFailed,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_COMMON = frozenset(field.name for field in fields(Fact))

FactRow = tuple[str, str, str, datetime, int, str]
"""Conversation, fact, kind, when, sequence, detail as JSON."""


def fact_row(conversation_id: str, fact: Fact) -> FactRow:
    """Write a fact."""
    if isinstance(fact, PolicyApplied):
        named = fact.policy
        detail: dict[str, Any] = {"policy": [named.id, named.version] if named else None}
    else:
        own = (field.name for field in fields(fact) if field.name not in _COMMON)
        detail = {name: getattr(fact, name) for name in own}
    return (
        conversation_id,
        fact.fact_id,
        _NAMES[type(fact)],
        fact.occurred_at,
        fact.sequence,
        json.dumps(detail),
    )


def policy_named(kind: str, detail: Mapping[str, Any]) -> tuple[str, int] | None:
    """Return the policy version that a row names, if it names one."""
    if kind != "policy_applied" or detail["policy"] is None:
        return None
    name, version = detail["policy"]
    return name, version


def fact_of(
    row: tuple[str, str, datetime, int, Mapping[str, Any]],
    policies: Mapping[tuple[str, int], Policy],
) -> Fact:
    """Read a fact from its id, kind, time, sequence and detail."""
    fact_id, kind, occurred_at, sequence, found = row
    detail = dict(found)
    if kind == "policy_applied":
        named = policy_named(kind, detail)
        detail["policy"] = policies[named] if named else None
    if "meaning" in detail:
        detail["meaning"] = StateMeaning(detail["meaning"])
    return _KINDS[kind](fact_id=fact_id, occurred_at=occurred_at, sequence=sequence, **detail)
