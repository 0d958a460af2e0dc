"""The streams that a person reads: plain lines, without secrets, in what a terminal can show."""

from __future__ import annotations

import codecs
import io
import sys

from cdrsite.core.secrets import hidden

PLAIN_SIGNS = {
    "\u202f": " ",
    "−": "-",
    "–": "-",
    "×": "x",
    "°": " deg",
    "…": "...",
    "→": "->",
    "⁻": "^-",
    **{sign: str(n) for n, sign in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
}
"""What is printed where the terminal's character set has no such sign."""


def prepare_streams() -> None:
    """Print what a character set cannot show as the nearest sign, instead of failing."""

    def nearest(error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeEncodeError):
            raise error
        text = error.object[error.start : error.end]
        return "".join(PLAIN_SIGNS.get(sign, "?") for sign in text), error.end

    codecs.register_error("cdrsite", nearest)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and "utf" not in stream.encoding.lower():
            stream.reconfigure(errors="cdrsite")


def flush() -> None:
    """Write what is printed: a full disk or a closed pipe is found here, not at the exit."""
    if sys.stdout is not None:
        sys.stdout.flush()


def tell(text: str = "") -> None:
    """Print what was asked for."""
    print(hidden(text))


def complain(text: str) -> None:
    """Print what the program has to say about its work, to standard error."""
    print(hidden(text), file=sys.stderr)
