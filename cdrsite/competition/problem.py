"""The competition problem as plain arrays: cells, methods, sinks, pools and policy rows.

An activity is a method with one of the k sinks of its cell; its size x is gross t/yr of CO2.

Per cell: ``sum over sinks of x <= upper`` for each method, and
``sum over methods of need x exclusive share x x <= land``; likewise for land that some methods
share with its present use (:class:`LandRow`), and for each supply that cannot leave the cell.
Per shared row: ``sum over the cells of a zone of coefficient x x  <=, >= or = right-hand side``.

One module: what a problem is made of, each part checked against the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from cdrsite.competition.captured import AVOIDED, EMITTERS, Captures
from cdrsite.competition.checks import check_at_sinks, require_known, require_unique
from cdrsite.competition.monthly import MONTHS, Seasonal, month_quantity
from cdrsite.competition.sold import Sale
from cdrsite.core.errors import DataError

F64 = npt.NDArray[np.float64]
FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.integer[Any]]
Sense = Literal["<=", ">=", "="]

QUANTITIES: tuple[str, ...] = ("gross", "net", "cost", "land")
"""What a row or an objective can count besides the cells' own layers: gross and net CO2 [t/yr],
cost [USD/yr], land [m2]."""


def finite(values: npt.NDArray[Any], **others: Any) -> npt.NDArray[Any]:
    """As numpy's ``nan_to_num``, and the values themselves where all of them are numbers."""
    return values if np.isfinite(values).all() else np.nan_to_num(values, **others)


@dataclass(frozen=True)
class Competitor:
    """A removal method.

    Parameters
    ----------
    name : str
        Unique.
    stored : float
        CO2 brought to the cell's sink per gross tonne [t/t], times the cell's ``stored_ratio``; 0
        for a method without storage.
    exclusive : float
        Share of its land that no other method can use at the same time [1].
    """

    name: str
    stored: float = 1.0
    exclusive: float = 1.0


@dataclass(frozen=True)
class LandRow:
    """Land of each cell that some methods use together, besides what all have to keep to.

    A practice that leaves land in its present use needs land that nothing else has taken. Such
    practices may lie on top of one another, so each has a row of its own: the land that methods
    have for themselves alone, and that of the practice.

    Parameters
    ----------
    name : str
        For messages.
    weight : sequence of float, shape (M,)
        Part of each method's land that counts here [1].
    """

    name: str
    weight: Sequence[float]


@dataclass(frozen=True)
class CellBlock:
    """Cells start to stop of a problem. A [M, 1] array is one value per method for all cells.

    Parameters
    ----------
    land : ndarray, shape (n,)
        Land that methods may use [m2].
    upper : ndarray, shape (M, n) or (M, 1)
        Most of each method over all sinks [gross t/yr], as its own supplies allow (own land
        included). 0 or NaN: not possible here; the other arrays are then not looked at.
    net : ndarray, shape (M, n) or (M, 1)
        Net per gross tonne [t/t].
    cost : ndarray, shape (M, n) or (M, 1)
        Cost without transport and storage [USD per gross t].
    need : ndarray, shape (M, n) or (M, 1)
        Land [m2 per gross t/yr].
    sink : ndarray of int, shape (K, n)
        Sink of each slot, -1 for none.
    sink_cost : ndarray, shape (K, n)
        Transport and storage [USD per t stored].
    sink_loss : ndarray, shape (K, n) or (K, 1)
        Removal lost on the way [t per t stored].
    lower : ndarray, shape (M, n) or (M, 1)
        Least of each method over all sinks [gross t/yr].
    layers : ndarray, shape (L, n)
        The problem's layers: needs per gross tonne that differ from cell to cell.
    local : ndarray, shape (R, n)
        Supplies of the problem's local resources that cannot leave the cell.
    arriving : ndarray of float64, shape (J, K, n)
        The problem's arrivals: quantities per tonne stored that differ by slot.
    stored_ratio : ndarray, shape (M, n) or (M, 1)
        CO2 brought to the sink per gross tonne, over that of the method [1].
    ground : ndarray, shape (G, n)
        Land of the problem's land rows [m2].
    """

    land: FloatArray
    upper: FloatArray
    net: FloatArray
    cost: FloatArray
    need: FloatArray
    sink: IntArray
    sink_cost: FloatArray
    sink_loss: FloatArray
    lower: FloatArray
    layers: FloatArray
    local: FloatArray
    stored_ratio: FloatArray
    arriving: FloatArray = field(default_factory=lambda: np.empty((0, 0, 0)))
    ground: FloatArray = field(default_factory=lambda: np.empty((0, 0)))

    def at(self, place: IntArray) -> CellBlock:
        """Some of the cells, by their numbers; ``[M, 1]`` arrays stay as they are."""
        count = len(self.land)
        arrays = {one.name: getattr(self, one.name) for one in fields(self)}
        return CellBlock(
            **{
                name: np.take(array, place, axis=-1) if array.shape[-1] == count else array
                for name, array in arrays.items()
            }
        )


class CellSource(Protocol):
    """Where the cells come from: memory, or a store on disk that is read for each sweep."""

    @property
    def n_cells(self) -> int:
        """Number of cells."""

    def read(self, start: int, stop: int) -> CellBlock:
        """Return cells ``start`` to ``stop``; called from several threads at once."""

    def zones(self, zoning: str, start: int, stop: int) -> IntArray:
        """Zone of each cell in a zoning, -1 where it lies in none; read once."""


@dataclass(frozen=True, eq=False)
class ArrayCells:
    """Cells in memory; arguments are those of :class:`CellBlock`, with defaults for the rare ones.

    Parameters
    ----------
    zone_ids : mapping of str to ndarray of int
        Zone of each cell by zoning, shape (n,), -1 for none.
    """

    land: FloatArray
    upper: FloatArray
    net: FloatArray
    cost: FloatArray
    need: FloatArray
    zone_ids: Mapping[str, IntArray] = field(default_factory=dict)
    sink: IntArray | None = None
    sink_cost: FloatArray | None = None
    sink_loss: FloatArray | None = None
    lower: FloatArray | None = None
    layers: FloatArray | None = None
    local: FloatArray | None = None
    stored_ratio: FloatArray | None = None
    ground: FloatArray | None = None

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return len(self.land)

    @cached_property
    def whole(self) -> CellBlock:
        """All cells: the arrays themselves, where a kernel can take them as they are."""
        return self.read(0, self.n_cells)

    def read(self, start: int, stop: int) -> CellBlock:
        """Copies of a part of the arrays; ``[M, 1]`` arrays stay as they are."""

        def cut(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
            whole = array.shape[-1] == self.n_cells
            return np.require(array[..., start:stop] if whole else array, requirements=("C", "W"))

        size, dtype = stop - start, self.upper.dtype
        slots = 0 if self.sink is None else len(self.sink)
        zero = np.zeros((max(slots, 1), 1), dtype)
        where_none: dict[str, Any] = {
            "sink": np.empty((0, size), np.int32), "sink_cost": zero, "sink_loss": zero,
            "lower": np.zeros((len(self.upper), 1), dtype),
            "layers": np.empty((0, size), dtype), "local": np.empty((0, size), dtype),
            "ground": np.empty((0, size), dtype),
            "stored_ratio": np.ones((len(self.upper), 1), dtype),
        }  # fmt: skip
        given = {part.name: getattr(self, part.name, None) for part in fields(CellBlock)}
        parts = {name: cut(array) for name, array in given.items() if array is not None}
        return CellBlock(**(where_none | parts))

    def zones(self, zoning: str, start: int, stop: int) -> IntArray:
        """Part of ``zone_ids[zoning]``."""
        if zoning not in self.zone_ids:
            raise DataError(
                "no zoning of that name among the cells",
                where=f"zoning {zoning!r}",
                expected=f"one of {', '.join(self.zone_ids) or '(none)'}",
                cure="add it to zone_ids or correct the pool or policy row",
            )
        return self.zone_ids[zoning][start:stop]


@dataclass(frozen=True, eq=False)
class PoolFamily:
    """Supplies by zone that all cells of the zone share: water by basin, power by zone.

    Cells outside all zones (-1) take nothing from it: close them by ``upper`` if they should not.

    Parameters
    ----------
    name, unit : str
        For example "water", "m3/yr".
    zoning : str
        Which zone ids of the cells.
    zones : sequence of str
        Zone names.
    supply : ndarray, shape (Z,)
        May be infinite: then the zone is not limited.
    need : mapping of str to float or str
        Need per gross tonne by method: a number, negative if the method adds to the pool, or the
        name of one of the problem's layers. Methods not named need nothing.
    sign : {1, -1}
        -1: the rows count what methods need as given, in place of taken.
    part_of : str
        The family that these rows keep the books of; tables and labels name that one alone.
    at_sinks : AtSinks, optional
        What sinks take from it for the CO2 that is brought to them.
    scale : mapping of str to float
        Part of a method's need that counts here [1], as that of one month; 1 for others.
    flat : float
        Part of what emitters need that counts here [1].
    month : int
        Month of the year, 0 to 11, that the rows are about: of what runs by season, that month's
        output counts; -1 for the year.
    """

    name: str
    unit: str
    zoning: str
    zones: Sequence[str]
    supply: FloatArray
    need: Mapping[str, float | str]
    sign: int = 1
    part_of: str = ""
    at_sinks: AtSinks | None = None
    scale: Mapping[str, float] = field(default_factory=dict)
    flat: float = 1.0
    month: int = -1


@dataclass(frozen=True, eq=False)
class AtSinks:
    """What sinks take from pools: charged in the zone of the sink, wherever the CO2 comes from.

    Parameters
    ----------
    member : ndarray of int, shape (S,)
        Zone of each sink, -1 for none: then it takes nothing.
    need : ndarray, shape (S,)
        Need per tonne of CO2 brought to the sink [unit of the pool per t], 0 or more.
    """

    member: IntArray
    need: FloatArray


@dataclass(frozen=True, eq=False)
class SinkFamily:
    """Limits on what sinks take in: injectivity by storage unit, pore space by basin.

    Parameters
    ----------
    name, unit : str
        For example "storage", "t/yr".
    zones : sequence of str
        Names of the storage units or of groups of them.
    supply : ndarray, shape (Z,)
        Most per year; total pore space is divided by the project's life. May be infinite.
    member : ndarray of int, shape (S,), optional
        Zone of each sink, -1 for none; by default sink i is zone i.
    """

    name: str
    unit: str
    zones: Sequence[str]
    supply: FloatArray
    member: IntArray | None = None


@dataclass(frozen=True)
class RowTerm:
    """``weight`` x a quantity of some methods; the quantity is in QUANTITIES, or names a layer.

    Emitters count where no methods are named, and where they are named like one.
    """

    quantity: str
    weight: float = 1.0
    methods: Sequence[str] | None = None


@dataclass(frozen=True)
class PolicyRow:
    """A linear rule over the whole region or some zones of a zoning.

    Parameters
    ----------
    name : str
        Shown when it binds or conflicts.
    terms : sequence of RowTerm
        Their sum is compared.
    sense : {"<=", ">=", "="}
    limit : float
        Right-hand side.
    unit : str
        Unit of the limit.
    zoning : str, optional
        Without it the rule is about all cells.
    zones : sequence of int
        Zones it is about.
    """

    name: str
    terms: Sequence[RowTerm]
    sense: Sense
    limit: float
    unit: str = ""
    zoning: str | None = None
    zones: Sequence[int] = ()


def target(net_t_yr: float, *, name: str = "target") -> PolicyRow:
    """At least so many net tonnes a year in all."""
    return PolicyRow(name, (RowTerm("net"),), ">=", net_t_yr, "t/yr")


def budget(usd_yr: float, *, name: str = "budget") -> PolicyRow:
    """At most so much cost a year in all."""
    return PolicyRow(name, (RowTerm("cost"),), "<=", usd_yr, "USD/yr")


@dataclass(frozen=True, eq=False)
class Problem:
    """Cells, methods and the rows they share; the objective is given apart.

    Parameters
    ----------
    cells : CellSource
        :class:`ArrayCells` or another source with the same methods.
    methods : sequence of Competitor
        In the order of the cells' arrays.
    pools : sequence of PoolFamily
    sinks : sequence of SinkFamily
    policies : sequence of PolicyRow
    n_sinks : int
        Sinks that the cells' ``sink`` ids count.
    layers : sequence of str
        Names of the cells' layers.
    arrivals : sequence of str
        Names of the cells' arrivals (:mod:`cdrsite.competition.paid`).
    local_need : sequence of R sequences of M float or str
        Need per gross tonne of each local resource by method [its unit per t]: a number, negative
        if the method adds to it, or the name of one of the problem's layers.
    local_names : sequence of str
        Names of the local resources; the same one several times where some of its kinds have
        supplies of their own.
    zonings : sequence of str
        Zonings that results are totalled by, besides those of pools and policy rows.
    sales : sequence of Sale
        What is sold out of pools; those that fewer methods can give to come first.
    land_rows : sequence of G LandRow
        Land that methods use together.
    captures : Captures, optional
        Emitters that bring what they capture to the same sinks.
    seasonal : sequence of Seasonal
        Methods that run in the months that pay.

    Raises
    ------
    DataError
        If names repeat or refer to nothing, a limit is NaN, or local needs or weights of land rows
        are not one per method.
    """

    cells: CellSource
    methods: Sequence[Competitor]
    pools: Sequence[PoolFamily] = ()
    sinks: Sequence[SinkFamily] = ()
    policies: Sequence[PolicyRow] = ()
    n_sinks: int = 0
    layers: Sequence[str] = ()
    arrivals: Sequence[str] = ()
    local_need: Sequence[Sequence[float | str]] = ()
    local_names: Sequence[str] = ()
    zonings: Sequence[str] = ()
    sales: Sequence[Sale] = ()
    land_rows: Sequence[LandRow] = ()
    captures: Captures | None = None
    seasonal: Sequence[Seasonal] = ()

    def __post_init__(self) -> None:
        require_unique("methods", self.method_names)
        # one family may have several rows about a zone, which are called differently
        first = [f"{one.name}: {next(iter(one.zones), '')}" for one in self.families]
        require_unique("pools and sinks", first)
        require_unique("policy rows", [row.name for row in self.policies])
        for family in self.families:
            supply = np.asarray(family.supply, dtype=np.float64)
            if supply.shape != (len(family.zones),) or np.isnan(supply).any():
                raise DataError(
                    "every zone needs a supply; infinite if it has no limit",
                    where=f"pool {family.name!r}",
                    got=f"{supply.shape} with {int(np.isnan(supply).sum())} NaN",
                    expected=f"{len(family.zones)} numbers",
                    cure="give the supply of each zone, or remove the pool",
                    rule=7,
                )
        for row in self.policies:
            if not np.isfinite(row.limit):
                raise DataError("a limit must be a number", where=row.name, got=row.limit)
        self._check_local()
        self._check_names()

    def _check_local(self) -> None:
        shape = len(self.local_names), len(self.methods)
        if len(self.local_need) != shape[0] or any(len(row) != shape[1] for row in self.local_need):
            raise DataError(
                "local resources and their needs do not match",
                where="local_need",
                got=[len(row) for row in self.local_need],
                expected=f"{shape[0]} x {shape[1]} needs, of {shape[0]} local_names by each method",
            )
        for name, row in zip(self.local_names, self.local_need, strict=True):
            for need in row:
                if isinstance(need, str):
                    require_known(f"local resource {name!r}", need, set(self.layers))
        for land in self.land_rows:
            if len(land.weight) != shape[1] or not all(part >= 0.0 for part in land.weight):
                raise DataError(
                    "each method has a part of its land in a land row",
                    where=land.name,
                    got=list(land.weight),
                    expected=f"{shape[1]} numbers, none below 0",
                )

    def _check_names(self) -> None:
        known = {method.name for method in self.methods}
        counted = set(self.counted)
        for pool in self.pools:
            for method, need in pool.need.items():
                require_known(f"pool {pool.name!r}", method, known)
                if isinstance(need, str):
                    require_known(f"pool {pool.name!r}", need, set(self.layers))
            if pool.at_sinks is not None:
                at = pool.at_sinks
                check_at_sinks(pool.name, at.member, at.need, self.n_sinks)
        for sale in self.sales:
            for name in sale.pools:
                require_known(f"sale {sale.name!r}", name, {pool.name for pool in self.pools})
            for method in sale.giving:
                require_known(f"sale {sale.name!r}", method, known)
        for row in self.policies:
            for term in row.terms:
                require_known(f"policy row {row.name!r}", term.quantity, counted | {AVOIDED})
                for method in term.methods or ():
                    require_known(f"policy row {row.name!r}", method, known | {EMITTERS})

    @property
    def counted(self) -> tuple[str, ...]:
        """What rows and objectives may count, in the order of their coefficients."""
        by_month = (month_quantity(one, p) for one in self.monthly for p in range(MONTHS))
        return (*QUANTITIES, *self.layers, *by_month, *self.arrivals)

    @property
    def monthly(self) -> tuple[str, ...]:
        """Quantities that rows of months count of what runs by season."""
        by_season = {one.method for one in self.seasonal}
        needs = (p.need.get(name, 0.0) for p in self.pools if p.month >= 0 for name in by_season)
        return tuple(sorted({n if isinstance(n, str) else "gross" for n in needs if n != 0.0}))

    @property
    def families(self) -> list[PoolFamily | SinkFamily]:
        """Pools, then sinks."""
        return [*self.pools, *self.sinks]

    @property
    def local_told(self) -> tuple[str, ...]:
        """Local resources that labels name, in that order."""
        return tuple(dict.fromkeys(self.local_names))

    @property
    def told(self) -> tuple[str, ...]:
        """Families that tables and labels name, in that order."""
        pools = (pool.name for pool in self.pools if not pool.part_of)
        return tuple(dict.fromkeys((*pools, *(sink.name for sink in self.sinks))))

    @property
    def method_names(self) -> tuple[str, ...]:
        """Names of the methods in the order of the arrays."""
        return tuple(method.name for method in self.methods)

    @cached_property
    def stored(self) -> F64:
        """CO2 brought to the sink per gross tonne of each method, shape (M,) [t/t].

        In a cell it is that times the ratio of the cell (:meth:`stored_in`).
        """
        return np.array([method.stored for method in self.methods], np.float64)

    def stored_in(self, cells: CellBlock) -> F64:
        """CO2 brought to the sink per gross tonne in some cells, shape (M, n) or (M, 1) [t/t]."""
        return self.stored[:, None] * cells.stored_ratio

    @cached_property
    def local_fixed(self) -> F64:
        """Needs of local resources that are the same in all cells, else 0, shape (R, M)."""
        rows = [[0.0 if isinstance(n, str) else n for n in row] for row in self.local_need]
        return np.array(rows, np.float64).reshape(len(rows), len(self.methods))

    @cached_property
    def local_layer(self) -> IntArray:
        """Layer with each need that differs from cell to cell, -1 without, shape (R, M)."""
        layers = list(self.layers)
        rows = [[layers.index(n) if isinstance(n, str) else -1 for n in r] for r in self.local_need]
        return np.array(rows, np.int64).reshape(len(rows), len(self.methods))

    def local_need_in(self, cells: CellBlock) -> F64:
        """Need per gross tonne of local resources in some cells, shape (R, M, n) or (R, M, 1).

        0 where a need differs from cell to cell and the method is not possible.
        """
        fixed, layer = self.local_fixed[:, :, None], self.local_layer
        if not (layer >= 0).any():
            return fixed
        need = np.repeat(fixed, len(cells.land), axis=2)
        for r, m in np.argwhere(layer >= 0).tolist():
            need[r, m] = np.where(cells.upper[m] > 0, cells.layers[layer[r, m]], 0.0)
        return need

    @cached_property
    def exclusive(self) -> F64:
        """Share of the land of each method that blocks other uses, shape (M,) [1]."""
        return np.array([method.exclusive for method in self.methods], np.float64)

    @cached_property
    def land_weight(self) -> F64:
        """Part of each method's land that counts in the cell's land rows, shape (1 + G, M) [1].

        The first row is the land that methods have for themselves alone.
        """
        return np.array([self.exclusive, *(row.weight for row in self.land_rows)], np.float64)

    def land_charge(self, cells: CellBlock, price: F64) -> F64:
        """What a gross tonne pays for land in some cells, shape (M, n).

        ``price`` of the cells' land rows, shape (1 + G, n).
        """
        need = np.broadcast_to(cells.need, (len(self.methods), len(cells.land)))
        charge = (need * self.land_weight[0][:, None]) * price[0]
        for weight, each in zip(self.land_weight[1:], price[1:], strict=True):
            charge += (need * weight[:, None]) * each
        return charge
