"""The main job on real input: three customers, three doors, one story told from end to end."""

from contextlib import AsyncExitStack

from rich.console import Console

from tools.local.callers import Callers
from tools.local.demo.closing import show_ledger, show_trace
from tools.local.demo.facts import Facts
from tools.local.demo.post import Letterbox
from tools.local.demo.stage import Stage
from tools.local.demo.story_form import play_form
from tools.local.demo.story_letter import play_letter
from tools.local.demo.story_partner import play_partner
from tools.local.demo.streams import Streams
from tools.local.stack import Stack
from tools.pages.language import Language


async def play(stack: Stack, console: Console, *, language: Language) -> None:
    """Play the three stories and show one whole trace.

    Raises:
        StackFailed: a story did not go as it must; the message says where it stopped.
    """
    async with AsyncExitStack() as opened:
        stage = await open_stage(stack, console, language, opened)
        trace_id = await play_letter(stage)
        await play_form(stage)
        await play_partner(stage)
        await show_trace(stage, trace_id)
        await show_ledger(stage)


async def open_stage(
    stack: Stack, console: Console, language: Language, opened: AsyncExitStack
) -> Stage:
    """Open everything the stories need."""
    return Stage(
        stack=stack,
        console=console,
        facts=Facts(language),
        streams=await opened.enter_async_context(Streams(stack.ports, stack.secrets)),
        callers=await opened.enter_async_context(Callers(stack.ports, stack.secrets)),
        letterbox=Letterbox(stack.place.mailbox),
    )
