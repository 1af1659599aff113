"""The receiver as a process: it says when it is ready, and ends when told."""

import asyncio
import re
import signal
import sys
from pathlib import Path

import httpx

from tests.traces.made_spans import TRACE, a_request

ROOT = Path(__file__).resolve().parents[2]


async def start(*arguments):
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tools.traces", *arguments),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_the_process_says_where_it_listens_receives_and_ends_when_told():
    process = await start("--grpc-port", "0", "--http-port", "0")
    first_line = (await process.stdout.readline()).decode()
    page = re.search(r"page at (\S+)", first_line)[1]

    async with httpx.AsyncClient(base_url=page) as browser:
        await browser.post(
            "/v1/traces",
            content=a_request("over http").SerializeToString(),
            headers={"content-type": "application/x-protobuf"},
        )
        kept = (await browser.get(f"/api/traces/{TRACE}")).json()

        second = await start("--grpc-port", "0", "--http-port", page.rpartition(":")[2])
        _, complaint = await second.communicate()
    process.send_signal(signal.SIGTERM)
    _, errors = await process.communicate()

    assert kept["span_count"] == 1
    assert second.returncode == 1
    assert re.fullmatch(rb"traces: port \d+ on 127.0.0.1 is in use: .*\n", complaint)
    assert (process.returncode, errors) == (0, b"")
