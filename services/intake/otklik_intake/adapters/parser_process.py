"""The process that reads originals which might hang, crash or swallow memory; run as a module.

Its parent (`isolated_parser`) kills it when it takes too long. It also ends by itself: when the
parent is gone, and when one original takes much longer than the parent would wait.
"""

import json
import resource
import signal
import sys

from otklik_intake.adapters import parser_frames
from otklik_intake.adapters.mail_parser import parse

MEMORY_BYTES = 2 * 1024 * 1024 * 1024
OWN_LIMIT_SECONDS = 60


def main() -> None:
    """Read originals from the standard input until it ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    # The default action of this signal ends the process even inside native code.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    # The parent decides about the end of this process, not a Ctrl-C in its terminal.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while line := source.readline():
        question = json.loads(line)
        original = source.read(question["size"])
        signal.alarm(OWN_LIMIT_SECONDS)
        content = parse(original, question["media_type"])
        signal.alarm(0)
        for piece in parser_frames.answer(content):
            sink.write(piece)
        sink.flush()


if __name__ == "__main__":
    main()
