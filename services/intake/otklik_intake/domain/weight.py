"""Which originals are read apart, because reading them may take long or much."""

MAX_TAME_BYTES = 96 * 1024
MAX_TAME_PARTS = 100
MAX_TAME_HEADER_BYTES = 64 * 1024


def is_heavy(original: bytes) -> bool:
    """Say whether a mail is read alone, in a process that can be stopped.

    The measure is taken from the raw bytes in one pass: size, lines that may separate parts, and
    the length of the headers. Real mail under these bounds is read in well under a millisecond.
    """
    if len(original) > MAX_TAME_BYTES:
        return True
    if original.count(b"\n--") > MAX_TAME_PARTS:
        return True
    header_end = original.find(b"\n\r\n")
    if header_end < 0:
        header_end = original.find(b"\n\n")
    return (header_end if header_end >= 0 else len(original)) > MAX_TAME_HEADER_BYTES
