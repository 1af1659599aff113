"""Builders for the tests of the local stack."""

from datetime import UTC, datetime

import pytest

from tools.local.demo.streams import Told

NOON = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)


@pytest.fixture
def a_told():
    def make(message, **changed):
        facts = {
            "owner": message.DESCRIPTOR.full_name.split(".")[1],
            "sequence": 1,
            "type": message.DESCRIPTOR.full_name,
            "aggregate_id": "0198c0de-0000-7000-8000-000000000001",
            "message": message,
            "occurred_at": NOON,
            "recorded_at": NOON,
            "event_id": "0198c0de-0000-7000-8000-000000000002",
            "traceparent": "",
        }
        return Told(**{**facts, **changed})

    return make
