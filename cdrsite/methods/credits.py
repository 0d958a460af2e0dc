"""What tonnes earn: credits levelised over a plant's life, and which method earns which.

A credit of ``amount`` USD per tonne, paid in the first ``y`` of a plant's ``n`` years, is worth

    amount x a(r, y) / a(r, n),   a(r, y) = (1 - (1 + r)^-y) / r

USD for each tonne of the whole life, as the capital is spread over it by the same rate. It is paid
per tonne of its *basis*: stored CO2 of the air or of biomass, net, or credited (rule 5). Fossil CO2
that is captured along earns nothing. Where it is paid in a region, or for storage units of one kind
beside others, it counts what cells of the region remove, or what arrives at such units
(:mod:`cdrsite.competition.paid`).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cdrsite.competition.paid import Arrival, CellLayer, Part
from cdrsite.competition.problem import RowTerm
from cdrsite.config.credits import Credit
from cdrsite.config.models import Scenario
from cdrsite.core.annuity import crf
from cdrsite.core.errors import CdrsiteWarning, ConfigError, message
from cdrsite.library.credits import Basis
from cdrsite.methods.formulae import chain_losses
from cdrsite.methods.model import MethodModel
from cdrsite.methods.net import ChainLosses
from cdrsite.methods.storage import StorageUnits

NET_OF = "net of "
"""Begin of the names of the layers with a method's net factor without transport [t/t]."""
LIFE = 25.0
"""Life of a plant where its method gives none, as in its costs [yr]."""


@dataclass(frozen=True)
class Earning:
    """What one credit pays one method.

    Attributes
    ----------
    credit : str
        Its scheme, or the key that gives it.
    programme : str
        A tonne may earn one of each; empty for a price of one's own.
    method : str
        Who earns it.
    basis : {'stored', 'net', 'credited'}
        Which tonnes it is paid for.
    amount : float
        What is paid [USD per t of the basis].
    years, life : float
        Years in which it is paid, and those of a plant [yr].
    levelised : float
        What it is worth over the life [USD per t of the basis].
    sink_type : str or None
        Storage units that it is paid for.
    losses : ChainLosses
        Of the method, for tonnes stored.
    fossil : float
        Fossil CO2 that it captures along [t/t].
    buffer : float
        Share of the method's net tonnes that is not credited [1].
    lost_on_way : bool
        Whether its routes to storage lose CO2.
    stored : float
        What the method brings to storage units per gross tonne, fossil CO2 included; 0 without
        units [t/t].
    sinks : tuple of bool
        Units that it is paid for; empty where it is paid for all.
    part : Part or None
        Zones in which it is paid; None where it is paid everywhere.
    """

    credit: str
    programme: str
    method: str
    basis: Basis
    amount: float
    years: float
    life: float
    levelised: float
    sink_type: str | None
    losses: ChainLosses
    fossil: float
    buffer: float
    lost_on_way: bool
    stored: float = 0.0
    sinks: tuple[bool, ...] = ()
    part: Part | None = None

    def tonnes(self) -> Iterator[tuple[RowTerm, CellLayer | Arrival | None]]:
        """Its tonnes of the basis as terms over the method's quantities, and what these need.

        What arrives at a unit is the air's part of what is stored: 1 in 1 + the fossil CO2 that
        travels along by the method's own numbers, also where a place takes more or less fuel.
        """
        on_site = float(self.losses.stored_share(0.0))
        if self.basis != "stored":
            share = 1.0 - self.buffer if self.basis == "credited" else 1.0
            if self.part is None:
                yield self._term("net", share), None
                return
            yield self._of_cells(f"{NET_OF}{self.method}", share, self.part)
            if self.stored > 0.0 and self.lost_on_way:
                yield self._arriving(0.0, share)
            return
        along = 1.0 + self.fossil
        if self.stored > 0.0 and self.sinks:
            yield self._arriving(on_site * along / self.stored, 1.0 / along)
            return
        if self.part is None:
            yield self._term("gross", on_site), None
        else:
            yield self._of_cells("gross", on_site, self.part)
        if self.stored > 0.0 and self.lost_on_way:
            yield self._arriving(0.0, 1.0 / along)

    def _term(self, quantity: str, weight: float) -> RowTerm:
        return RowTerm(quantity, weight, (self.method,))

    def _of_cells(self, what: str, weight: float, part: Part) -> tuple[RowTerm, CellLayer]:
        """What the cells of its region do."""
        name = f"{what} in {part.zoning} {part.zones}"
        return self._term(name, weight), CellLayer(name, part)

    def _arriving(self, base: float, weight: float) -> tuple[RowTerm, Arrival]:
        """What arrives at the units that it is paid for, from the cells where it is paid."""
        where = "" if self.part is None else f" from {self.part.zoning} {self.part.zones}"
        units = f" at {self.sink_type} units" if self.sinks else ""
        name = f"arriving {base:.12g}{units}{where}"
        sinks = np.array(self.sinks) if self.sinks else None
        return self._term(name, weight), Arrival(name, base, sinks, self.part)

    def terms(self) -> Iterator[RowTerm]:
        """What it adds to an objective in USD/yr: terms over the method's quantities."""
        for term, _ in self.tonnes():
            yield replace(term, weight=term.weight * self.levelised)


def paid_quantities(
    earnings: Iterable[Earning], methods: Sequence[str]
) -> tuple[tuple[CellLayer, ...], tuple[Arrival, ...]]:
    """Layers of the cells and arrivals that credits count by; each once, in their order."""
    layers: dict[str, CellLayer] = {}
    arrivals: dict[str, Arrival] = {}
    for one in earnings:
        for term, need in one.tonnes():
            if isinstance(need, Arrival):
                arrivals.setdefault(need.name, need)
            elif need is not None:
                number = methods.index(one.method) if term.quantity.startswith(NET_OF) else None
                layers.setdefault(need.name, replace(need, method=number))
    return tuple(layers.values()), tuple(arrivals.values())


def levelised(amount: float, years: float, life: float, rate: float) -> float:
    """What a yearly payment of a plant's first years is worth over its life [unit of amount].

    Parameters
    ----------
    amount : float
        Paid in each of the first years [USD/t].
    years : float
        Years in which it is paid [yr]; no more than the plant lives.
    life : float
        Of the plant [yr].
    rate : float
        Real discount rate [1/yr].

    Raises
    ------
    ConfigError
        If a time is not positive, or the rate is negative.

    Notes
    -----
    ``amount x a(r, years) / a(r, life)``, a = 1 / :func:`cdrsite.core.annuity.crf`.
    """
    return amount * float(crf(rate, life) / crf(rate, min(years, life)))


def earnings_of(
    scenario: Scenario,
    models: Mapping[str, MethodModel],
    storage: StorageUnits | None,
    parts: Sequence[Part | None],
) -> tuple[Earning, ...]:
    """Which credits of the scenario pay which methods, and how much; ``parts``: where each pays.

    Warns
    -----
    CdrsiteWarning
        Of a method that earns nothing, of a size of plants that is not known, and of a credit that
        is closed when the plants start.

    Raises
    ------
    ConfigError
        A credit that no method can earn, with its gates; storage units of a kind that there is not;
        two credits of one programme for a tonne (rule 6).
    """
    found: list[Earning] = []
    for i, credit in enumerate(scenario.objective.credits):
        where = f"objective.credits.{i}"
        if _closed(credit, scenario.objective.start, where):
            continue
        _refuse_missing_units(credit, storage, where)
        unmet: dict[str, str] = {}
        for name in credit.methods or models:
            reasons = list(_unmet(credit, models[name], scenario, where))
            if reasons:
                unmet[name] = "; ".join(reasons)
            else:
                found.append(_earning(credit, where, models[name], scenario, storage, parts[i]))
        if unmet and (credit.methods or len(unmet) == len(models)):
            raise _gates_unmet(credit, where, unmet, len(credit.methods or models))
    _refuse_two_of_a_programme(found)
    found = _in_all_units(found, storage)
    if scenario.objective.credits and not found:
        raise ConfigError(
            "no credit is left that pays for anything",
            where="objective.credits",
            got=f"{len(scenario.objective.credits)} that plants of {scenario.objective.start:g} do "
            "not earn",
            cure="give another objective.start, or a credit for plants that start then",
            rule=7,
        )
    _warn_of_unpaid(scenario, models, found)
    return tuple(found)


def _gates_unmet(credit: Credit, where: str, unmet: Mapping[str, str], asked: int) -> ConfigError:
    """The error of a credit that none, or not all, of the methods asked for can earn."""
    none = len(unmet) == asked
    cure = "add a method that meets them, or remove the credit"
    return ConfigError(
        f"a credit whose gates {'no' if none else 'not every'} method meets",
        where=where,
        got=", ".join(f"{name}: {text}" for name, text in unmet.items()),
        expected=f"what {credit.scheme} asks for" if credit.scheme else "methods that fit",
        cure=cure if none else f"remove {', '.join(unmet)} from {where}.methods",
    )


def _label(credit: Credit, where: str) -> str:
    return credit.scheme or where


def _closed(credit: Credit, start: float | None, where: str) -> bool:
    """Whether plants that start then are too early or late for a credit; said where they are."""
    first, last = credit.of("from_"), credit.of("to")
    if start is None or ((first or start) <= start <= (last or start)):
        return False
    span = " ".join(
        f"{word} {year:g}" for word, year in (("from", first), ("until", last)) if year is not None
    )
    text = message(
        "a credit that plants of this start do not earn",
        where=where,
        got=f"objective.start {start:g}",
        expected=f"a start {span}",
        cure="give another start, or remove the credit",
        rule=7,
    )
    warnings.warn(text, CdrsiteWarning, stacklevel=3)
    return True


def _kinds(storage: StorageUnits | None) -> set[str]:
    """Kinds of storage units that there are; storage without units counts as saline."""
    if storage is None:
        return {"saline"}
    return {"eor" if one else "saline" for one in storage.eor.tolist()}


def _refuse_missing_units(credit: Credit, storage: StorageUnits | None, where: str) -> None:
    wanted = credit.of("sink_type")
    if wanted is None or wanted in _kinds(storage):
        return
    raise ConfigError(
        "a credit for storage units of a kind that there is not",
        where=f"{where}.sink_type" if credit.sink_type else where,
        got=wanted,
        expected=" or ".join(sorted(_kinds(storage))),
        cure="name the column with the kind of unit: resources.storage.kind"
        if wanted == "eor"
        else "choose the credit for enhanced oil recovery",
    )


def _unmet(credit: Credit, model: MethodModel, scenario: Scenario, where: str) -> Iterator[str]:
    """Gates of a credit that a method does not meet, in words."""
    if credit.library is not None:
        yield from credit.library.unmet(model.method, model.number("durability", np.nan))
    if credit.of("sink_type") is not None and not model.number("storage") > 0:
        yield "storage underground, which it does not use"
    least = credit.of("min_t_yr")
    if least is None:
        return
    size = scenario.network.plants.get(model.name)
    sizes = [model.number(key, np.nan) for key in ("plant_typical", "plant_max")]
    if size is not None and size.most is not None:
        sizes = [size.most]
    known = [one for one in sizes if not np.isnan(one)]
    if not known:
        text = message(
            "a credit is for plants of a size, and that of this method's is not known",
            where=where,
            got=f"{model.name}: no plant_max",
            expected=f"{least:g} t/yr or more",
            cure=f"give network.plants.{model.name}.most",
            rule=7,
        )
        warnings.warn(text, CdrsiteWarning, stacklevel=4)
    elif max(known) < least:
        yield f"plants of {least:g} t/yr, not {max(known):g}"


def _earning(
    credit: Credit,
    where: str,
    model: MethodModel,
    scenario: Scenario,
    storage: StorageUnits | None,
    part: Part | None,
) -> Earning:
    life, rate = model.number("lifetime", LIFE), scenario.costs.discount_rate
    amount = credit.amount
    if amount is None:  # checked with the scenario: there is one
        amount = credit.of_library("amount").to("USD/t", scenario.costs.base_year)
    years = min(credit.of("years") or life, life)
    routed = storage is not None
    losses = chain_losses(model, scenario, routed=routed)
    return Earning(
        credit=_label(credit, where),
        programme=credit.of_library("programme") or "",
        method=model.name,
        basis=credit.of("basis") or "net",
        amount=amount,
        years=years,
        life=life,
        levelised=levelised(amount, years, life, rate),
        sink_type=credit.of("sink_type"),
        sinks=_units_of(credit.of("sink_type"), storage),
        stored=model.number("storage") if routed else 0.0,
        part=part,
        losses=losses,
        fossil=model.number("fossil_co_captured"),
        buffer=model.number("buffer"),
        lost_on_way=routed and losses.transport_per_100km > 0.0,
    )


def _units_of(kind: str | None, storage: StorageUnits | None) -> tuple[bool, ...]:
    """Which units are of a kind; empty where all are, or all count."""
    if kind is None or storage is None or len(_kinds(storage)) < 2:
        return ()
    return tuple((storage.eor == (kind == "eor")).tolist())


def _refuse_two_of_a_programme(found: Sequence[Earning]) -> None:
    """No tonne earns two credits of one programme (rule 6)."""
    first: dict[tuple[str, str, str | None], Earning] = {}
    for one in found:
        if not one.programme:
            continue
        for kind in (one.sink_type,) if one.sink_type else (None, "saline", "eor"):
            other = first.setdefault((one.programme, one.method, kind), one)
            if other is not one:
                raise ConfigError(
                    "two credits of one programme for the same tonne",
                    where="objective.credits",
                    got=f"{other.credit} and {one.credit} for {one.method}",
                    cure="remove one of them, or name the methods of each",
                    rule=6,
                )


def _in_all_units(found: list[Earning], storage: StorageUnits | None) -> list[Earning]:
    """Net tonnes, which no unit knows, once; they must earn the same in units of both kinds."""
    if len(_kinds(storage)) < 2:
        return found
    worth: dict[tuple[str, str, Part | None], dict[str, float]] = {}
    for one in found:
        if one.sink_type is not None and one.basis != "stored":
            key = one.method, one.basis, one.part
            by_kind = worth.setdefault(key, {"saline": 0.0, "eor": 0.0})
            by_kind[one.sink_type] += one.levelised
    for (method, _, _), by_kind in worth.items():
        if not np.isclose(by_kind["saline"], by_kind["eor"], rtol=1e-9):
            raise ConfigError(
                "net tonnes are not known by storage unit, and units of both kinds may be used",
                where="objective.credits",
                got=f"{method} earns {by_kind['saline']:g} USD/t in saline units and "
                f"{by_kind['eor']:g} USD/t by enhanced oil recovery",
                expected="the same in all units that it may use",
                cure="give basis: stored, or study each kind alone, with where: on the layer of "
                "storage units",
            )
    return [one for one in found if one.sink_type != "eor" or one.basis == "stored"]


def _warn_of_unpaid(
    scenario: Scenario, models: Mapping[str, MethodModel], found: Iterable[Earning]
) -> None:
    """A method that earns nothing is left out of the plan; say why (rule 7)."""
    paid = {one.method for one in found if one.levelised > 0}
    unpaid = [name for name in models if name not in paid]
    if scenario.objective.kind == "value" and unpaid:
        text = message(
            "no credit pays for these methods, so the plan of most value leaves them out",
            where="objective.credits",
            got=", ".join(unpaid),
            cure="give a credit whose gates they meet, e.g. {amount: 100 USD/t, methods: "
            f"{unpaid[0]}}}",
            rule=7,
        )
        warnings.warn(text, CdrsiteWarning, stacklevel=3)
