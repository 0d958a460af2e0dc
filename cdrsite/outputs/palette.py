"""Colours, one place: the same method and the same resource look the same everywhere.

Qualitative colours are Okabe and Ito's (2008, "Color Universal Design"), which colour-blind readers
can tell apart; sequential ones are matplotlib's perceptually uniform maps.
"""

from __future__ import annotations

METHOD_COLOURS: dict[str, str] = {
    "daccs-solid": "#0072B2",
    "daccs-liquid": "#56B4E9",
    "beccs-residue": "#D55E00",
    "beccs-energy-crop": "#E69F00",
    "afforestation": "#009E73",
    "enhanced-weathering": "#8C510A",
    "cropland-soil-carbon": "#B8A13A",
    "biochar": "#4D4D4D",
    "forest-management": "#1B7837",
    "agroforestry": "#7FBC41",
    "grazing-land": "#D9C77A",
    "peat-rewetting": "#5E3C99",
    "salt-marsh": "#35978F",
    "seagrass": "#80CDC1",
    "mangrove": "#01665E",
    "check-dam": "#BF812D",
    "timber-building": "#A6611A",
    "bio-oil": "#762A83",
    "coastal-olivine": "#4393C3",
    "steel-slag": "#67001F",
    "carbide-slag": "#B2182B",
    "gypsum-carbonation": "#F4A582",
    "fly-ash": "#9970AB",
}
"""Method -> colour; a method of a user's own takes one of :data:`SPARE_COLOURS` by its name."""

SPARE_COLOURS = ("#CC79A7", "#F0E442", "#999933", "#332288", "#882255")
"""None of them is the grey of what is excluded or unknown."""

PLAN_COLOURS: dict[str, str] = {
    "nothing possible": "#EADFCB",
    "no method": "#EADFCB",
    "none in the plan": "#EADFCB",
    "in the plan": "#7FA87F",
    "own limit": "#B8D8BA",
    "no gain": "#FDE0C5",
}
"""Names in the plan's maps, besides methods and resources."""

STATE_COLOURS: dict[str, str] = {
    "net factor not positive": "#F4A6C1",
    "unknown": "#D9D9D9",
    "excluded": "#969696",
    "nothing fits": "#EADFCB",
}

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


def rgba(colour: str) -> tuple[int, int, int, int]:
    """Turn "#RRGGBB" into red, green, blue, alpha of 0 to 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16), 255
