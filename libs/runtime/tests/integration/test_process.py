import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest

MAIN = """
import asyncio
import sys
from contextlib import AsyncExitStack
from typing import ClassVar

from otklik_runtime import env, process
from otklik_runtime.errors import Unavailable


class Settings(env.Settings):
    service: ClassVar[str] = "sample"
    unused: ClassVar[frozenset[str]] = frozenset(env.Settings.needed)
    mood: str = "calm"


def say(word: str) -> None:
    print(word, flush=True)


class Part:
    def __init__(self, name: str, mood: str) -> None:
        self.name = name
        self.mood = mood
        self.done = asyncio.Event()

    async def run(self) -> None:
        say(f"{self.name} runs")
        if self.mood == "failing" and self.name == "second":
            raise ZeroDivisionError("on purpose")
        await self.done.wait()
        say(f"{self.name} ended")

    async def drain(self) -> None:
        say(f"{self.name} drains")
        if self.mood == "stubborn" and self.name == "first":
            await asyncio.Event().wait()
        self.done.set()

    def ready(self) -> str | None:
        return None


async def bootstrap(settings: Settings, stack: AsyncExitStack) -> list[Part]:
    if settings.mood == "unavailable":
        raise Unavailable("sea_gone", "the sea is gone: wait for the tide")
    if settings.mood == "slow":
        say("building")
        await asyncio.Event().wait()
    stack.callback(say, "closed")
    return [Part("first", settings.mood), Part("second", settings.mood)]


def calc(arguments: list[str]) -> int:
    say("calc " + " ".join(arguments))
    return 7


process.main(Settings, bootstrap, commands={"calc": calc}, migrations=%r)
"""


class Sample:
    """A process of its own, and what it says."""

    def __init__(self, program: Path) -> None:
        self.program = program

    async def start(self, *arguments: str, **environment: str) -> Process:
        clean = {name: value for name, value in os.environ.items() if "OTKLIK" not in name}  # noqa: TID251
        return await asyncio.create_subprocess_exec(
            sys.executable,
            self.program,
            *arguments,
            env=clean | {"OTKLIK_ENVIRONMENT": "development"} | environment,
            stdout=PIPE,
            stderr=PIPE,
        )

    async def run(self, *arguments: str, **environment: str) -> tuple[int | None, str, str]:
        process = await self.start(*arguments, **environment)
        out, err = await process.communicate()
        return process.returncode, out.decode(), err.decode()


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    program = tmp_path / "main.py"
    program.write_text(MAIN % None)
    return Sample(program)


async def until(process: Process, line: str) -> list[str]:
    """Read what the process says until it has said this line."""
    assert process.stdout is not None
    said: list[str] = []
    while not said or said[-1] != line:
        text = await process.stdout.readline()
        assert text, said
        said.append(text.decode().strip())
    return said


def plain(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("{")]


def logged(text: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_parts_in_order_and_then_closes_everything(
    sample: Sample, number: signal.Signals
):
    process = await sample.start("serve")
    await until(process, "second runs")
    process.send_signal(number)
    out, _ = await process.communicate()

    assert process.returncode == 0
    assert plain(out.decode()) == [
        "first drains",
        "first ended",
        "second drains",
        "second ended",
        "closed",
    ]


async def test_a_second_signal_ends_it_at_once(sample: Sample):
    process = await sample.start("serve", OTKLIK_SAMPLE_MOOD="stubborn")
    await until(process, "second runs")
    process.terminate()
    await until(process, "first drains")
    process.terminate()
    out, _ = await process.communicate()

    assert process.returncode == 128 + signal.SIGTERM
    assert "closed" not in out.decode()


async def test_a_part_that_does_not_finish_in_time_does_not_hold_up_the_others(sample: Sample):
    process = await sample.start(
        "serve", OTKLIK_SAMPLE_MOOD="stubborn", OTKLIK_SAMPLE_DRAIN_SECONDS="0.2"
    )
    await until(process, "second runs")
    process.terminate()
    out, _ = await process.communicate()

    assert process.returncode == 0
    assert plain(out.decode()) == ["first drains", "second drains", "second ended", "closed"]
    assert any("did not finish in time" in line["message"] for line in logged(out.decode()))


async def test_a_part_that_fails_ends_the_process_in_order_and_is_written_down(sample: Sample):
    code, out, _ = await sample.run("serve", OTKLIK_SAMPLE_MOOD="failing")

    assert code == 1
    assert plain(out)[-3:] == ["first ended", "second drains", "closed"]
    failed = [line for line in logged(out) if line["message"] == "part failed"]
    assert failed[0]["part"] == "second"
    assert "on purpose" in failed[0]["error"]


async def test_a_signal_while_it_is_being_built_ends_it_quietly(sample: Sample):
    process = await sample.start("serve", OTKLIK_SAMPLE_MOOD="slow")
    await until(process, "building")
    process.terminate()
    _, err = await process.communicate()

    assert (process.returncode, err) == (0, b"")


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        (
            {"OTKLIK_SAMPLE_MOOD": "unavailable"},
            "otklik-sample: the sea is gone: wait for the tide",
        ),
        (
            {"OTKLIK_SAMPLE_MOD": "calm"},
            "OTKLIK_SAMPLE_MOD is not a setting: did you mean OTKLIK_SAMPLE_MOOD?",
        ),
        ({"OTKLIK_TRACE_RATIO": "7"}, "OTKLIK_SAMPLE_TRACE_RATIO is wrong"),
    ],
)
async def test_what_hinders_the_start_is_one_sentence(
    sample: Sample, environment: dict[str, str], sentence: str
):
    code, _, err = await sample.run("serve", **environment)

    assert code == 2
    assert sentence in err
    assert len(err.strip().splitlines()) == 1


async def test_a_failpoint_is_refused_in_production(sample: Sample):
    code, _, err = await sample.run(
        "serve",
        OTKLIK_FAILPOINT="outbox.after_publish",
        OTKLIK_ENVIRONMENT="production",
        OTKLIK_PLAINTEXT="true",
    )

    assert code == 2
    assert "OTKLIK_FAILPOINT is for tests" in err


async def test_check_config_shows_every_setting_and_no_secret(sample: Sample):
    code, out, _ = await sample.run(
        "check-config", OTKLIK_DATABASE_URL="postgresql://sample:hunter2@localhost/sample"
    )

    assert code == 0
    assert "OTKLIK_SAMPLE_MOOD=calm" in out
    assert "OTKLIK_SAMPLE_DATABASE_URL=(secret)" in out
    assert "hunter2" not in out


async def test_a_command_of_the_service_needs_no_settings(sample: Sample):
    code, out, _ = await sample.run("calc", "1", "--more", OTKLIK_TRACE_RATIO="7")

    assert (code, out) == (7, "calc 1 --more\n")


async def test_a_database_behind_its_migrations_is_told_before_anything_starts(
    tmp_path: Path, database_url: str
):
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_first.py").write_text('revision = "0001"\n\n\ndef upgrade(): ...\n')
    program = tmp_path / "main.py"
    program.write_text(MAIN.replace("%r", f"__import__('pathlib').Path({str(folder)!r})"))
    sample = Sample(program)

    code, out, err = await sample.run("serve", OTKLIK_DATABASE_DIRECT_URL=database_url)
    assert (code, plain(out)) == (2, [])
    assert "run `otklik-sample migrate` first" in err

    code, out, _ = await sample.run("migrate", OTKLIK_DATABASE_DIRECT_URL=database_url)
    assert code == 0
    assert logged(out)[-1]["applied"] == ["0001"]

    process = await sample.start("serve", OTKLIK_DATABASE_DIRECT_URL=database_url)
    await until(process, "second runs")
    process.terminate()
    await process.communicate()
    assert process.returncode == 0


async def test_a_database_that_does_not_answer_is_told_without_its_password(tmp_path: Path):
    program = tmp_path / "main.py"
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations/0001_first.py").write_text('revision = "0001"\n')
    program.write_text(MAIN.replace("%r", f"__import__('pathlib').Path({str(tmp_path)!r})"))

    code, _, err = await Sample(program).run(
        "serve", OTKLIK_DATABASE_DIRECT_URL="postgresql://u:hunter2@127.0.0.1:1/none"
    )

    assert code == 2
    assert "OTKLIK_DATABASE_DIRECT_URL" in err
    assert "hunter2" not in err
