"""Names of columns that hold a number of one method each."""

from __future__ import annotations

import re


def net_column(method: str) -> str:
    """The column of a method's net removal [Mt/yr], which needs no quotes in a program."""
    return "net_mt_yr_" + re.sub(r"\W+", "_", method)
