"""What the codes of a dataset mean, read from the dataset itself (CF flags)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.vocabulary import OUTSIDE_NAME, RESOURCES, families
from cdrsite.outputs.palette import (
    GROUPS,
    METHOD_COLOURS,
    OWN,
    PLAN_COLOURS,
    STATE_COLOURS,
    method_colour,
)
from cdrsite.outputs.rasters.raster import Category
from cdrsite.outputs.zones import Pairs, shade_of, zone_colours
from cdrsite.result.attributes import texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import xarray as xr
    from numpy.typing import NDArray

    from cdrsite.core.words import Words

KNOWN_COLOURS = {
    **METHOD_COLOURS,
    **{resource.name: resource.colour for resource in RESOURCES.values()},
    **families(),
    **PLAN_COLOURS,
    **STATE_COLOURS,
}
INCLUDED_BIT = 30
"""Bit of the exclusion reasons that marks a place allowed again by an include rule."""
OUTSIDE_BIT = 31
RULE_TAG, WHOM_TAG, METHODS_TAG = "BIT_", "FOR_", "METHODS"
"""Tags of the raster of reasons: name of the rule of a bit, methods that it holds for where these
are not all, and all methods."""
GROUPED_FROM = 7
"""Methods of a legend from which on it is in groups; fewer are told apart without titles."""
SEVERAL_COLOUR, FREE_COLOUR = "#5A5A5A", "#F7F4EC"
"""Cells that several exclusion rules hit, and none."""
AGAIN, AGAIN_COLOUR = "allowed again by an include rule", "#A68EFA"
"""Cells that exclusion rules hit and that are free all the same: in words, and their colour."""
MAX_COMBINATIONS = 256
"""Combinations of exclusion reasons that get a name each in the attribute table."""


def flag_names(variable: xr.DataArray) -> dict[int, str]:
    """Code -> words of a class variable; see :func:`flag_words`."""
    return flag_words(variable.attrs)


def flag_words(attrs: Mapping[str, Any]) -> dict[int, str]:
    """Code -> words from the attributes ``flag_values`` and ``flag_meanings`` (CF conventions)."""
    values = np.atleast_1d(attrs["flag_values"])
    meanings = str(attrs["flag_meanings"]).split()
    return {
        int(code): meaning.replace("_", " ") for code, meaning in zip(values, meanings, strict=True)
    }


def class_categories(variable: xr.DataArray) -> tuple[Category, ...]:
    """Codes, words and colours of a class variable; the outside has no colour (nodata)."""
    names = flag_names(variable)
    return tuple(
        Category(code, name, class_colour(name, tuple(names.values())))
        for code, name in sorted(names.items())
        if name != OUTSIDE_NAME
    )


def class_colour(name: str, others: tuple[str, ...] = ()) -> str:
    """Colour of a resource, a method, a state, or what binds a cell.

    Policy rules and methods of a user's own have no colour of their own: theirs follows from
    their name and those of ``others`` in the same legend, so that it is the same in every run.
    """
    if name in KNOWN_COLOURS:
        return KNOWN_COLOURS[name]
    years = sorted({int(n) for n in (name, *others) if n.isdigit()})
    if name.isdigit():  # the earlier, the darker
        return year_colour(years.index(int(name)), len(years))
    known = (*KNOWN_COLOURS, OUTSIDE_NAME)
    spare = tuple(n for n in others if n not in known and not n.isdigit())
    return method_colour(name, spare)


@cache
def year_colour(position: int, count: int) -> str:
    """Colour of one of some years, from dark to light."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return to_hex(colormaps["viridis"](0.9 * position / max(count - 1, 1))).upper()


def in_groups(names: Iterable[str]) -> list[tuple[str, list[str]]]:
    """Names of a legend by groups of methods, each in the order of the palette.

    Parameters
    ----------
    names : iterable of str
        Methods, and states or whatever else stands in the legend.

    Returns
    -------
    list of (group, names)
        ``group`` is a key of :data:`cdrsite.outputs.palette.GROUPS`, :data:`OWN`, or '' for what
        is no method, which comes last. One group '' of all names, in their order, where there are
        fewer than :data:`GROUPED_FROM` methods or only methods of one group.
    """
    listed = list(dict.fromkeys(names))
    found = {
        group: [name for name in members if name in listed] for group, members in GROUPS.items()
    }
    known = {name for members in found.values() for name in members}
    if known:  # else it is no legend of methods
        found[OWN] = [name for name in listed if name not in known and name not in KNOWN_COLOURS]
    found = {group: members for group, members in found.items() if members}
    if len(found) < 2 or sum(map(len, found.values())) < GROUPED_FROM:
        return [("", listed)]
    rest = [name for name in listed if name in KNOWN_COLOURS and name not in known]
    return [*found.items(), *([("", rest)] if rest else [])]


def worded(names: Iterable[str], words: Words) -> dict[str, str]:
    """Names of a legend in its order -> words, with the title of their group where it has groups.

    For legends that cannot have titles of their own, such as those of QGIS.
    """
    return {
        name: words("group.label", group=words(f"group.{group}"), name=words.called(name))
        if group
        else words.called(name)
        for group, members in in_groups(names)
        for name in members
    }


def label_names(variable: xr.DataArray) -> list[str]:
    """Names of the zones of a label variable, in the order of their labels."""
    return list(texts(variable.attrs.get("labels", ())))


def state_codes(variable: xr.DataArray) -> dict[str, int]:
    """Name -> code of what is not a resource: excluded, unknown, outside, net factor."""
    return {name: code for code, name in flag_names(variable).items() if name not in RESOURCES}


def outside_code(variable: xr.DataArray) -> int:
    """Code of the outside of the region in a class variable."""
    return state_codes(variable).get(OUTSIDE_NAME, 255)


def reason_names(bits: int, rules: Sequence[str]) -> list[str]:
    """Words for the reason bits of one cell; empty where nothing hit it."""
    if bits >> OUTSIDE_BIT & 1:
        return [OUTSIDE_NAME]
    hit = [bit for bit in range(INCLUDED_BIT) if bits >> bit & 1]
    names = [rules[bit] if bit < len(rules) else f"rule {bit}" for bit in hit]
    return names + ([AGAIN] if bits >> INCLUDED_BIT & 1 else [])


def excluding(bits: Any) -> Any:
    """Bits of the rules that exclude: none outside the region, or where an include rule holds.

    Parameters
    ----------
    bits : int or ndarray of int64
        Exclusion reasons.
    """
    free = bits >> INCLUDED_BIT & 1 | bits >> OUTSIDE_BIT & 1
    return (bits & (1 << INCLUDED_BIT) - 1) * (1 - free)


def allowed_again(bits: Any) -> Any:
    """Whether rules hit a cell that an include rule allows in spite of them; of arrays, where."""
    hit = bits & (1 << INCLUDED_BIT) - 1
    return (hit != 0) & (bits >> INCLUDED_BIT & 1 == 1) & (bits >> OUTSIDE_BIT & 1 == 0)


def of_whom(
    holders: Sequence[str], methods: Sequence[str], words: Words, called: Callable[[str], str]
) -> str:
    """The methods that a rule holds for, in the fewest words; nothing where it holds for all.

    Parameters
    ----------
    holders, methods : sequence of str
        Those of the rule, and all of the run.
    words : Words
        Language.
    called : callable
        Name of a method for the reader.
    """
    others = [name for name in methods if name not in holders]
    comma = words("list.comma")
    if others and len(others) < len(holders):
        return words("end.all_but", names=comma.join(map(called, others)))
    return comma.join(map(called, holders)) if others else ""


def rule_called(tags: Mapping[str, str], bit: int, words: Words) -> str:
    """A rule of the raster of reasons, with the methods that it holds for where not for all."""
    name = words.named("rule", tags.get(f"{RULE_TAG}{bit:02d}", ""))
    who = of_whom(
        tags.get(f"{WHOM_TAG}{bit:02d}", tags.get(METHODS_TAG, "")).split(", "),
        tags.get(METHODS_TAG, "").split(", "),
        words,
        words.method,
    )
    return name + words("end.who", who=who) if who else name


def reason_categories(reasons: NDArray[Any], rules: Sequence[str]) -> tuple[Category, ...]:
    """Combinations of reasons that occur, in words; none if there are too many to list."""
    codes = [int(code) for code in np.unique(reasons) if not int(code) >> OUTSIDE_BIT & 1]
    if len(codes) > MAX_COMBINATIONS:
        return ()
    return tuple(
        Category(code, " + ".join(reason_names(code, rules)) or "no rule", reason_colour(code))
        for code in codes
    )


def reason_colour(code: int) -> str:
    """One rule has a colour of its own, several are the darker the more they are."""
    if not code:
        return "#FFFFFF"
    if code.bit_count() == 1:
        return shade_of(code.bit_length() - 1)
    return ("#BDBDBD", "#8C8C8C", "#5E5E5E", "#3A3A3A")[min(code.bit_count() - 2, 3)]


def pool_categories(names: Sequence[str], pairs: Pairs = frozenset()) -> tuple[Category, ...]:
    """One category per pool, in the order of their labels.

    Parameters
    ----------
    names : sequence of str
        Of the pools.
    pairs : set of (int, int)
        Labels of those that touch, and so differ in colour
        (:func:`cdrsite.outputs.zones.touching`).
    """
    colours = zone_colours(range(len(names)), pairs)
    return tuple(Category(index, name, colours[index]) for index, name in enumerate(names))
