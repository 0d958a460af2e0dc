"""Numbers of a scenario in words, by their paths: in bars, tables and on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdrsite.core.vocabulary import RESOURCES

if TYPE_CHECKING:
    from cdrsite.core.words import Words

SUPPLY = {one.parameter: one.name for one in RESOURCES.values()}
COMMON = " in common"
"""End of what the errors of pools have in common."""
UNIT = "storage: "
"""Start of the capacity of one storage unit."""
TOGETHER = "together "
"""Beginning of what a group of numbers that a scenario names has in common."""
NORMAL = " (standard deviations)"
"""End of what samples took of a field or a unit."""


def number_words(words: Words, path: str) -> str:
    """A number of a scenario in words.

    Parameters
    ----------
    words : Words
        Language.
    path : str
        Of the scenario, or of what samples draw beside its numbers: ``supplies.RESOURCE``,
        ``layers.NAME``, ``storage``.
    """
    path = path.removesuffix(NORMAL)
    if path.startswith(TOGETHER):
        return words("number.together", n=path.removeprefix(TOGETHER))
    head, *rest = path.split(".")
    if head == "methods":
        called = words("moves.profile") if rest[-1] == "profile" else ""
        return f"{words.method(rest[0])}: {called or words.named('param', rest[-1])}"
    if path == f"storage{COMMON}":
        return words("number.common", name=words("number.storage"))
    if path.startswith(UNIT):
        return words("why.of", what=words("number.storage"), zone=path.removeprefix(UNIT))
    if words.has(f"number.{path}"):
        return words(f"number.{path}")
    key, name = _named(head, rest, words)
    return words(f"number.{key}", name=name) if words.has(f"number.{key}") else path


def _named(head: str, rest: list[str], words: Words) -> tuple[str, object]:
    """What kind of number it is, and whose."""
    if head == "costs":
        return "price", words.resource(rest[-1])
    if head == "objective":
        return "amount", int(rest[1]) + 1
    if head == "policies":
        return "rule", int(rest[0]) + 1
    if head == "layers":
        return "layer", rest[0]
    if head == "supplies" and rest:
        return _supply(rest, words)
    return (rest[-1], words.resource(SUPPLY.get(rest[0], rest[0]))) if rest else (head, "")


def _supply(rest: list[str], words: Words) -> tuple[str, object]:
    """A supply: of one pool, what the errors of all have in common, or all that there is."""
    name, _, zone = ".".join(rest).partition(": ")
    common = name.endswith(COMMON)
    name = name.removesuffix(COMMON)
    told = words.resource(SUPPLY.get(name, name))
    if common:
        return "common", told
    return "factor", words("why.of", what=told, zone=zone) if zone else told
