"""Alkaline residues of works: what they bind, and which share of it is removal.

A tonne of residue binds ``ceiling x conversion`` tonnes of CO2; the ceiling follows from its oxides
by molar masses, ``44 / 56.08 CaO + 44 / 40.30 MgO``. Of these, the share that comes from the air or
from biomass is removed; the rest is carbon of the works' own flue gas, which is avoided. Numbers of
a profile are per tonne bound. A gross tonne is a tonne removed, so it takes ``1 / share`` times the
residue, power and money, and is charged with the emissions of its own tonne alone: those of the
others are theirs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np
import numpy.typing as npt

from cdrsite.core.errors import ConfigError
from cdrsite.core.fields import Model
from cdrsite.place.dependence import Dependence, Here, LayerKey, Use, own_layer
from cdrsite.place.feed import per_feed
from cdrsite.place.needs import Needs
from cdrsite.scoring.sums import const, layer

NOTHING_REMOVED = 1e6
"""Residue factor where all CO2 is fossil; finite, so that the cost is too."""


class ResidueKeys(Model):
    """Keys of :class:`BoundByResidue`."""

    biogenic_share: Annotated[str | None, LayerKey("1")] = None
    """Layer with the share of the bound CO2 that comes from air or biomass [1]; the method's own
    `biogenic_share` when not given."""


class BoundByResidue(Dependence):
    """Residue per tonne removed, and what else is bound with it."""

    name, keys = "residue", ResidueKeys
    parameters = (
        ("uptake_ceiling", "t/t"),
        ("conversion", "1"),
        ("biogenic_share", "1"),
    )

    def acts(self, use: Use) -> bool:
        """Where the method says what a residue binds."""
        return "uptake_ceiling" in use.numbers

    def refuse(self, use: Use, where: str) -> None:
        """Refuse a layer for what binds nothing, and shares that are none."""
        if not self.acts(use):
            if use.choice.biogenic_share is not None:
                raise ConfigError(
                    "the method binds no CO2 in residues",
                    where=f"{where}.biogenic_share",
                    got=f"a method of the family {use.method.family}, without uptake_ceiling",
                    cure="remove it",
                )
            return
        for name in ("uptake_ceiling", "conversion"):
            if not 0 < use.number(name) <= 1:
                raise ConfigError(
                    "a residue binds some of its own mass",
                    where=f"{where}.override.{name}",
                    got=use.number(name),
                    expected="more than 0, at most 1",
                    cure="steel slag binds 0.2 t/t, of which 0.3 to 0.8 are reached",
                    rule=7,
                )

    def needs(self, use: Use, needs: Needs) -> Needs:
        """More residue where it binds less, and all that is bound beside a tonne removed."""
        needs = per_feed(use, needs, const(min(1.0 / max(_bound(use), 1e-9), NOTHING_REMOVED)))
        share = min(max(use.number("biogenic_share", 1.0), 1.0 / NOTHING_REMOVED), 1.0)
        split, charged = const(1.0 / share), const(share)
        if use.choice.biogenic_share is not None:
            split, charged = (layer(own_layer(kind, use.name)) for kind in _KINDS)
        names = (*(name for name in needs.taken if name != "storage"), "supplied", "variable")
        needs = needs.times(inverse_productivity=split, **dict.fromkeys(names, split))
        return replace(needs, charged=charged, beside=split + -1.0)

    def layers(self, use: Use, here: Here) -> dict[str, npt.NDArray[np.float32]]:
        """Tonnes bound per tonne removed, and the inverse [1], where a layer gives the share."""
        del use
        if "biogenic_share" not in here.layers:
            return {}
        share = np.clip(here.layers["biogenic_share"], 1.0 / NOTHING_REMOVED, 1.0)
        made = dict(zip(_KINDS, (1.0 / share, share), strict=True))
        return {kind: values.astype(np.float32) for kind, values in made.items()}


_KINDS = ("bound per removed", "removed per bound")
"""Kinds of its layers."""


def _bound(use: Use) -> float:
    """What a tonne of residue binds, relative to what the profile's numbers belong to [1]."""
    own: float = use.profile.number("uptake_ceiling") * use.profile.number("conversion")
    return use.number("uptake_ceiling") * use.number("conversion") / own
