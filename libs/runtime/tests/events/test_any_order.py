"""However events arrive, twice or in the wrong order, they are applied once and in order."""

from datetime import timedelta
from itertools import pairwise
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.runtime.tests.events.world import READER, Note, eventually, fetch, running, to_note
from otklik.intake.v1 import events_pb2
from otklik_runtime import gaps, ids
from otklik_runtime.applying import Applier
from otklik_runtime.database import Database
from otklik_runtime.envelope import Incoming

OWNER = "intake"
KIND = events_pb2.MessageRefused


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(gaps, "_DELAYS", (0.05,))


@st.composite
def deliveries(draw):
    """Draw histories of some aggregates, shuffled, repeated, and cut into batches."""
    histories = [(number, draw(st.integers(1, 5))) for number in range(draw(st.integers(1, 3)))]
    events = [(number, version) for number, length in histories for version in range(1, length + 1)]
    again = draw(st.lists(st.sampled_from(events), max_size=6))
    order = draw(st.permutations(events + again))
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=4)))
    bounds = [0, *cuts, len(order)]
    batches = [order[a:b] for a, b in pairwise(bounds) if a < b]
    return dict(histories), batches


def incoming(aggregate, version, now):
    event_id = ids.stable_id(aggregate, str(version))
    return Incoming(
        event_id=event_id,
        type=KIND.DESCRIPTOR.full_name,
        message=KIND(item_id=event_id, conversation_id=aggregate, reason="because"),
        aggregate_id=aggregate,
        version=version,
        occurred_at=now,
        recorded_at=now,
        actor="",
        traceparent="",
        stream="OTKLIK_INTAKE",
        sequence=version,
        delivery_count=1,
    )


async def write_down(tx, notes: list[Note]):
    await tx.connection.exec_driver_sql(
        "insert into applied (event_id, aggregate_id, version, reason)"
        " select unnest($1::uuid[]), unnest($2::uuid[]), unnest($3::bigint[]), ''",
        tuple(
            [getattr(note, name) for note in notes]
            for name in ("event_id", "aggregate_id", "version")
        ),
    )


async def deliver(applier, batches, names, now):
    """Hand over batches until nothing is put off any more, as the broker would."""
    waiting = [list(batch) for batch in batches]
    rounds = 0
    while waiting:
        rounds += 1
        assert rounds < 100, "something is put off for ever"
        batch = waiting.pop(0)
        events = [incoming(names[number], version, now) for number, version in batch]
        verdicts = await applier.apply(events)
        numbers = {name: number for number, name in names.items()}
        if verdicts.deferred:
            waiting.append([(numbers[one.aggregate_id], one.version) for one in verdicts.deferred])


async def test_shuffled_and_repeated_deliveries_end_in_the_same_order(world):
    url = await world.make_url()
    database = await Database.open(url, world.stack, service=READER)
    applier = Applier(
        database=database,
        reader=READER,
        owner=OWNER,
        translate={KIND: to_note},
        handle=write_down,
    )
    runs = SimpleNamespace(cases=[])

    @settings(
        max_examples=40,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(deliveries())
    def draw(case):
        runs.cases.append(case)

    draw()
    now = await database.now()
    for histories, batches in runs.cases:
        names = {number: ids.new_id() for number in histories}
        await deliver(applier, batches, names, now)

        rows = await fetch(
            url,
            "select aggregate_id::text, version from applied where aggregate_id = any($1)"
            " order by place",
            list(names.values()),
        )
        for number, length in histories.items():
            mine = [row["version"] for row in rows if row["aggregate_id"] == names[number]]
            assert mine == list(range(1, length + 1)), (histories, batches)


@pytest.mark.parametrize("seed", [1, 2])
async def test_the_broker_may_deliver_in_any_order_too(world, seed):
    """The same over the real stream: published backwards, and each event twice."""
    reader = await world.reader(patience=timedelta(hours=1))
    aggregates = [ids.new_id() for _ in range(3)]
    for _ in range(8):
        await world.say(*aggregates)
    rows = await world.rows()
    order = list(reversed(rows)) if seed == 1 else rows[1::2] + rows[::2]
    for turn in range(2):
        for row in order:
            headers = {
                "Nats-Msg-Id": f"{row['id']} {turn}",
                "ce-id": str(row["id"]),
                "ce-type": row["type"],
                "ce-subject": str(row["aggregate_id"]),
                "ce-sequence": str(row["version"]),
                "ce-time": row["occurred_at"].isoformat(),
                "ce-recordedtime": row["recorded_at"].isoformat(),
            }
            stream = world.client.jetstream()
            await stream.publish(row["subject"], row["payload"], headers=headers)

    async with running(reader.subscription):
        await eventually(world.settled)

    for aggregate in aggregates:
        assert await reader.applied(aggregate) == list(range(1, 9))
    assert await reader.letters() == []
