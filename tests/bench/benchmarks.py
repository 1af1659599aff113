"""The benchmarks by name: what each runs, beside what, and what it says of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.bench import corpus, crash, floor, measure, throughput, visible
from tests.bench.corpus import Letter
from tests.bench.crash import Burst
from tests.bench.floor import Floor
from tests.bench.report import Finding
from tests.bench.running import RECIPIENT, Otklik, running
from tests.bench.throughput import Throughput

FLOOR = "floor"
STEADY_RATES = (20.0, 200.0)
TRACES = 0.05
NO_TELEMETRY = -1.0
WARM_UP = 300
IDLE_SECONDS = 10
MILLISECONDS = ("p50", "p95", "p99")


@dataclass(kw_only=True)
class Bench:
    """What all benchmarks of one run share.

    Attributes:
        folder: Where everything keeps its state.
        messages: How many mails a run has.
        seconds: How long a steady rate is held.
        calibration: This machine's speed.
        excused: Whether a floor that is not lean is told but does not end the run.
    """

    folder: Path
    messages: int
    seconds: float
    calibration: float
    console: Console
    excused: bool = False
    _floors: dict[tuple[str, float | None], Floor] = field(default_factory=dict)
    _started: int = 0

    def letters(self, count: int | None = None, *, seed: int = 7) -> list[Letter]:
        """Write mails."""
        return corpus.letters(count or self.messages, recipient=RECIPIENT, seed=seed)

    async def floor(self, *, sync_interval: str = "2m", rate: float | None = None) -> Floor:
        """Run the floor, once for each of its variants.

        Raises:
            FloorFailed: it is not lean, so nothing may be compared with it.
        """
        variant = (sync_interval, rate)
        if variant not in self._floors:
            count = self.messages if rate is None else int(rate * self.seconds)
            title = f"floor, {sync_interval}" if rate is None else f"floor, {rate:.0f}/s"
            with self.bar(title, count) as advanced:
                self._floors[variant] = await floor.run(
                    self.letters(count),
                    self._place(),
                    sync_interval=sync_interval,
                    rate=rate,
                    advanced=advanced,
                )
            if rate is None and sync_interval == "2m" and not self.excused:
                self._floors[variant].require_lean(self.calibration)
        return self._floors[variant]

    @asynccontextmanager
    async def otklik(
        self, *, sync_interval: str = "always", trace_ratio: float = TRACES, warm: bool = True
    ) -> AsyncIterator[Otklik]:
        """Start everything and let it run in."""
        async with AsyncExitStack() as stack:
            with self.console.status("starting PostgreSQL, NATS and the services"):
                otklik = await stack.enter_async_context(
                    running(self._place(), sync_interval=sync_interval, trace_ratio=trace_ratio)
                )
            if warm:
                with self.bar("warming up", WARM_UP) as advanced:
                    await throughput.push(otklik, self.letters(WARM_UP, seed=1), advanced=advanced)
            yield otklik

    @contextmanager
    def bar(self, title: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show how far a run is."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self.console, transient=True) as progress:
            task = progress.add_task(title, total=total)
            yield lambda done: progress.update(task, completed=done)

    def _place(self) -> Path:
        self._started += 1
        return self.folder / str(self._started)


async def run(name: str, bench: Bench) -> Finding:
    """Run one benchmark."""
    return await {FLOOR: _floor, **BENCHMARKS}[name](bench)


async def _floor(bench: Bench) -> Finding:
    finding = Finding(
        name=FLOOR,
        title="F, the leanest pipeline of the same five durable steps",
        columns=("variant", "messages/s", "core-us/message", "on the reference", "by process"),
    )
    for title, sync_interval in (("NATS syncs every 2 min", "2m"), ("NATS syncs always", "always")):
        one = await bench.floor(sync_interval=sync_interval)
        finding.rows.append(
            (
                title,
                f"{one.messages_per_second:,.0f}",
                f"{one.core_microseconds:.0f}",
                f"{one.corrected(bench.calibration):.0f}",
                _by_process(one.usage),
            )
        )
        counts = ", ".join(f"{count} {table}" for table, count in one.counts.items())
        finding.notes.append(f"{title}: {counts}.")
    lean = (await bench.floor()).corrected(bench.calibration)
    if lean > floor.VALID_CORE_MICROSECONDS:
        finding.notes.append(
            f"Not lean ({lean:.0f} > {floor.VALID_CORE_MICROSECONDS:.0f} core-us corrected by "
            "calibration), as on a machine that does other things too: ratios to it flatter us."
        )
    return finding


async def _throughput(bench: Bench) -> Finding:
    lean = await bench.floor()
    async with bench.otklik() as otklik:
        reached = await _push(bench, otklik, "end to end")
    return Finding(
        name="e2e-throughput",
        title="SMTP to committed acknowledgement, all services, everything durable, 5 % of traces",
        columns=("", "messages/s", "core-us/message", "ratio to F", "F's cost / this cost"),
        rows=[_throughput_row("Otklik", reached, lean), _floor_row(lean)],
        notes=[
            f"By process: {_by_process(reached.usage)}.",
            f"Handed over by SMTP: {reached.handed_over_per_second:,.0f} mails/s, to the last one.",
            _story(reached),
            f"The answer 250 took {_spread(reached.reply_milliseconds)} ms (p50/p95/p99).",
            "Target: 0.10 of F at first, 0.25 as the goal.",
        ],
    )


async def _time_to_visible(bench: Bench) -> Finding:
    finding = Finding(
        name="time-to-visible",
        title="the last byte of a mail to the readable ticket and to the acknowledgement",
        columns=("", *(f"{name} ms" for name in MILLISECONDS), "p95 of F's p95"),
    )
    floors = {rate: await bench.floor(rate=rate) for rate in STEADY_RATES}
    async with bench.otklik() as otklik:
        for number, rate in enumerate(STEADY_RATES):
            letters = bench.letters(int(rate * bench.seconds), seed=20 + number)
            with bench.bar(f"{rate:.0f}/s", len(letters)) as advanced:
                seen = await visible.measure_visible(otklik, letters, rate=rate, advanced=advanced)
            least = floors[rate].latency_milliseconds
            for title, values in (
                (f"{rate:.0f}/s, ticket readable by gRPC", seen.readable),
                (f"{rate:.0f}/s, acknowledgement committed", seen.acknowledged),
                (f"{rate:.0f}/s, F: notification committed", least),
            ):
                times = measure.percentile(values, 0.95) / measure.percentile(least, 0.95)
                finding.rows.append((title, *_percentiles(values), f"{times:.1f}"))
    finding.notes.append(
        "F begins with the parsed mail and ends in its own process; ours begins with the last "
        "byte of SMTP and ends where it is watched from outside. Target: p95 at most 6 times F's "
        "at 20/s."
    )
    return finding


async def _burst_and_crash(bench: Bench) -> Finding:
    finding = Finding(
        name="burst-and-crash",
        title=f"{bench.messages} mails offered in 10 s, undisturbed and with every process killed",
        columns=("", "undisturbed", "killed"),
    )
    bursts = []
    for number, kill in enumerate((False, True)):
        async with bench.otklik() as otklik:
            letters = bench.letters(seed=30 + number)
            with bench.bar("burst, killed" if kill else "burst", len(letters)) as advanced:
                bursts.append(await crash.burst(otklik, letters, kill=kill, advanced=advanced))
    facts: Mapping[str, Callable[[Burst], str]] = {
        "accepted (250)": lambda one: str(one.accepted),
        "sent again by the client": lambda one: str(one.resent),
        "lost": lambda one: str(one.lost),
        "mails that became two messages": lambda one: str(one.doubled_messages),
        "tickets acknowledged twice": lambda one: str(one.doubled_acknowledgements),
        "letters that left twice": lambda one: str(one.doubled_letters),
        "deliveries marked in doubt": lambda one: str(one.in_doubt),
        "drained after, s": lambda one: f"{one.drain_seconds:.1f}",
        "250 after, ms (p50/p95/p99)": lambda one: _spread(one.reply_milliseconds),
    }
    finding.rows = [(title, *(fact(one) for one in bursts)) for title, fact in facts.items()]
    calm, disturbed = bursts
    times = disturbed.drain_seconds / calm.drain_seconds
    finding.notes = [
        f"Killed with -9, one after the other: {', '.join(disturbed.killed)}.",
        f"Drained in {times:.2f} times the undisturbed time (target: at most 2).",
        "Lost and doubled must be 0; letters may leave twice no more often than they are in doubt.",
    ]
    return finding


async def _price_of_safety(bench: Bench) -> Finding:
    finding = Finding(
        name="price-of-safety",
        title="what syncing and tracing cost end to end",
        columns=("", "messages/s", "core-us/message", "rate ratio", "cost ratio", "target"),
    )
    variants = (
        ("NATS syncs every 2 min, no telemetry", "2m", NO_TELEMETRY, 0, ""),
        ("NATS syncs always, no telemetry", "always", NO_TELEMETRY, 0, ">= 0.85 of the first"),
        ("NATS syncs always, 5 % of traces", "always", TRACES, 1, ">= 0.95 of the second"),
        ("NATS syncs always, 100 % of traces", "always", 1.0, 1, ">= 0.60 of the second"),
    )
    reached: list[Throughput] = []
    for title, sync_interval, ratio, compared_with, target in variants:
        async with bench.otklik(sync_interval=sync_interval, trace_ratio=ratio) as otklik:
            reached.append(await _push(bench, otklik, title))
        base, one = reached[compared_with], reached[-1]
        finding.rows.append(
            (
                title,
                f"{one.messages_per_second:,.0f}",
                f"{one.usage.total:,.0f}",
                f"{one.messages_per_second / base.messages_per_second:.2f}",
                f"{base.usage.total / one.usage.total:.2f}",
                target,
            )
        )
    finding.notes.append(
        "synchronous_commit is on in all of them. The receiver of spans is not counted."
    )
    return finding


async def _footprint(bench: Bench) -> Finding:
    async with bench.otklik(warm=False) as otklik:
        await asyncio.sleep(IDLE_SECONDS)
        idle = _megabytes(otklik)
        loaded = dict(idle)
        sampling = asyncio.create_task(_sample(otklik, loaded))
        await _push(bench, otklik, "loading")
        sampling.cancel()
    rows = [(name, f"{idle[name]:.0f}", f"{loaded[name]:.0f}") for name in idle]
    ours = [name for name in idle if name != "postgres"]
    total = (sum(idle[name] for name in ours), sum(loaded[name] for name in ours))
    return Finding(
        name="footprint",
        title="PSS of all Python services and NATS, idle and at most under load",
        columns=("process", "idle MB", "loaded MB"),
        rows=[*rows, ("all but PostgreSQL", f"{total[0]:.0f}", f"{total[1]:.0f}")],
        notes=[f"Target: at most 650 MB idle ({total[0]:.0f}), 900 loaded ({total[1]:.0f})."],
    )


async def _sample(otklik: Otklik, most: dict[str, float]) -> None:
    while True:
        await asyncio.sleep(1)
        for name, megabytes in _megabytes(otklik).items():
            most[name] = max(most.get(name, 0.0), megabytes)


def _megabytes(otklik: Otklik) -> dict[str, float]:
    return {name: measure.resident_megabytes([pid]) for name, pid in otklik.processes.items()}


async def _push(bench: Bench, otklik: Otklik, title: str) -> Throughput:
    letters = bench.letters()
    with bench.bar(title, len(letters)) as advanced:
        return await throughput.push(otklik, letters, advanced=advanced)


def _throughput_row(title: str, reached: Throughput, lean: Floor) -> Sequence[str]:
    return (
        title,
        f"{reached.messages_per_second:,.0f}",
        f"{reached.usage.total:,.0f}",
        f"{reached.messages_per_second / lean.messages_per_second:.3f}",
        f"{lean.core_microseconds / reached.usage.total:.3f}",
    )


def _floor_row(lean: Floor) -> Sequence[str]:
    rate = f"{lean.messages_per_second:,.0f}"
    return ("F", rate, f"{lean.core_microseconds:.0f}", "1", "1")


def _story(reached: Throughput) -> str:
    counts = reached.counts
    return (
        f"{counts.messages} mails became {counts.tickets} tickets, the rest were appended to one; "
        f"{counts.acknowledged} acknowledgements."
    )


def _by_process(usage: measure.Usage) -> str:
    ordered = sorted(usage.by_name.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{name} {used:,.0f}" for name, used in ordered)


def _percentiles(values: Sequence[float]) -> list[str]:
    return [f"{measure.percentile(values, share):.1f}" for share in (0.5, 0.95, 0.99)]


def _spread(values: Sequence[float]) -> str:
    return " / ".join(_percentiles(values))


BENCHMARKS: Mapping[str, Callable[[Bench], Awaitable[Finding]]] = {
    "e2e-throughput": _throughput,
    "time-to-visible": _time_to_visible,
    "burst-and-crash": _burst_and_crash,
    "price-of-safety": _price_of_safety,
    "footprint": _footprint,
}
