"""Colours, one place: the same method and the same resource look the same everywhere.

Qualitative colours begin with Okabe and Ito's (2008, "Color Universal Design"), and colour-blind
readers can tell all of them apart. Sequential ones are matplotlib's perceptually uniform maps.
"""

from __future__ import annotations

GROUPS: dict[str, dict[str, str]] = {
    "air": {
        "daccs-solid": "#0072B2",
        "daccs-liquid": "#56B4E9",
    },
    "biomass": {
        "beccs-residue": "#D55E00",
        "beccs-energy-crop": "#E69F00",
        "biochar": "#AE693A",
        "bio-oil": "#E9772D",
        "timber-building": "#FFD18B",
    },
    "forest": {
        "afforestation": "#009E73",
        "forest-management": "#88AB76",
        "agroforestry": "#A2B796",
    },
    "soil": {
        "cropland-soil-carbon": "#6F4C08",
        "grazing-land": "#4A4B23",
        "check-dam": "#2F3702",
    },
    "wetland": {
        "peat-rewetting": "#09372A",
        "salt-marsh": "#0F5F50",
        "mangrove": "#024A44",
        "seagrass": "#AAEAFB",
    },
    "mineral": {
        "enhanced-weathering": "#3711C9",
        "coastal-olivine": "#B20680",
        "steel-slag": "#33218A",
        "carbide-slag": "#541660",
        "gypsum-carbonation": "#89667D",
        "fly-ash": "#A089A9",
    },
}
"""Group -> method -> colour, in the order of legends.

A group has a range of hues, and its methods differ in lightness: orange for biomass, green for
trees, brown for soils, blue-green for wetlands, violet for minerals. The first ones are Okabe and
Ito's; the others were searched so that any two methods differ by 12 (CIEDE2000) between groups and
by 6 within one, for usual sight and for each kind of dichromacy.
"""

OWN = "own"
"""Group of the methods of a user's own, after those of the palette."""

METHOD_COLOURS: dict[str, str] = {
    name: colour for members in GROUPS.values() for name, colour in members.items()
}
"""Method -> colour; a method of a user's own takes one of :data:`SPARE_COLOURS` by its name."""

SCREENING_COLOUR = "#020018"
"""Of points that are compared for methods of the open sea: no method of a plan is near it."""

SPARE_COLOURS = ("#797CFD", "#C8EB21", "#1C4BFE", "#C5B866", "#F56ECE", "#4D7E5E")
"""Of methods of a user's own: they differ by 7 from all others and from the states of a map."""

NOTHING_COLOUR = "#FFE5C9"
"""A true zero, of an amount or of a plan: known, and nothing."""

PLAN_COLOURS: dict[str, str] = {
    "nothing possible": NOTHING_COLOUR,
    "no method": NOTHING_COLOUR,
    "none in the plan": NOTHING_COLOUR,
    "in the plan": "#6F9A5A",
    "own limit": "#C3BEB6",
    "no gain": "#FFFF96",
    "cell certain": "#6F9A5A",
    "tonnes certain but not the cell": "#882255",
}
"""Names in the plan's maps, besides methods and resources."""

STATE_COLOURS: dict[str, str] = {
    "net factor not positive": "#D4A2C3",
    "unknown": "#DFE5E6",
    "excluded": "#9D9C95",
    "nothing fits": NOTHING_COLOUR,
}
"""States of a cell: with what is in the plan they differ by 12 (CIEDE2000), for usual sight and for
each kind of dichromacy; they were searched near grey, light grey, sand and pink."""

GROUND_COLOUR = "#E9E6DE"
"""Of the region below circles of tonnes: no state of its cells, only where it lies."""

LABEL_COLOURS = (
    "#88CCEE",
    "#44AA99",
    "#117733",
    "#999933",
    "#DDCC77",
    "#CC6677",
    "#882255",
    "#AA4499",
    "#332288",
)
"""Colours of things without a natural colour, such as basins, in turn (Tol's muted scheme)."""


def group_of(name: str) -> str:
    """The group of a method; ``own`` for one of a user's own."""
    return next((group for group, members in GROUPS.items() if name in members), OWN)


def method_colour(name: str, others: tuple[str, ...] = ()) -> str:
    """Colour of a method; a spare one for a method of a user's own, the same in every run.

    Parameters
    ----------
    name : str
        Method, or a name in a map's legend.
    others : tuple of str
        The methods beside it: those of a user's own get colours that differ while there are any.
    """
    if name in METHOD_COLOURS:
        return METHOD_COLOURS[name]
    # a map's legend writes spaces for underscores
    own = sorted(
        {method.replace("_", " ") for method in (*others, name) if method not in METHOD_COLOURS}
    )
    taken: dict[int, str] = {}
    for method in own:
        first = sum(method.encode()) % len(SPARE_COLOURS)
        turns = [(first + i) % len(SPARE_COLOURS) for i in range(len(SPARE_COLOURS))]
        place = next((turn for turn in turns if turn not in taken), first)
        taken.setdefault(place, method)
        if method == name.replace("_", " "):
            return SPARE_COLOURS[place]
    return SPARE_COLOURS[0]


def mixed(colour: str, share: float, *, dark: bool = False) -> str:
    """A colour on its way to white, or to black: 0 as it is, 1 all of that."""
    goal = 0 if dark else 255
    return "#" + "".join(f"{round(part + (goal - part) * share):02X}" for part in rgba(colour)[:3])


def rgba(colour: str) -> tuple[int, int, int, int]:
    """Turn "#RRGGBB" into red, green, blue, alpha of 0 to 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16), 255
