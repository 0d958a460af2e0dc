"""Cost surface: what a kilometre of line costs in each cell, billed and steering.

Two surfaces come from the rules of a scenario. *Billing* is what is paid [USD/t/km]. *Steering* is
what routes avoid: billing times factors that nobody pays (a reserve that could be crossed, but
should not). Both are friction per cell, so an edge between two cells has one value for both
directions, and the distance kernel multiplies by the true ground distance.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.errors import CdrsiteWarning, ConfigError
from cdrsite.core.units import same_dimension
from cdrsite.siting.rules import known_share, rule_share
from cdrsite.transport.labels import in_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.config.siting import ExcludeRule
    from cdrsite.config.transport import Avoid, Corridor, FactorTable, SurfaceRules
    from cdrsite.core.grid import Block
    from cdrsite.core.reader import LayerReader
    from cdrsite.engine.arrays import ArrayStore

    Share = NDArray[np.float32]
    Factor = NDArray[np.float64]

BILLING, STEERING = "surface billing", "surface steering"
"""Arrays of a store that :meth:`CostSurface.paint` writes."""


@dataclass(frozen=True)
class SurfaceBlock:
    """Friction of a block.

    Attributes
    ----------
    billing, steering : ndarray of float32, shape (rows, cols)
        Cost of a line per km [USD/t/km]; inf is a barrier, never NaN, always above 0.
    unknown : dict of str to int
        Key of a rule -> cells of the block for which its layer has no value.
    cells : int
        Cells of the block that were counted.
    """

    billing: Share
    steering: Share
    unknown: Mapping[str, int]
    cells: int


@dataclass
class SurfaceReport:
    """Sums over the blocks of a surface, for the warnings."""

    unknown: Counter[str] = field(default_factory=Counter)
    cells: int = 0

    def add(self, block: SurfaceBlock | SurfaceReport) -> None:
        """Add the counts of a block, or of several."""
        self.unknown.update(block.unknown)
        self.cells += block.cells

    def warn(self) -> None:
        """Warn once for each rule whose layer is unknown somewhere (rule 7)."""
        for key, count in self.unknown.items():
            if count:
                warnings.warn(
                    f"transport.surface.{key}: no value in {count} of {self.cells} cells "
                    f"({count / self.cells:.1%}); the rule's `unknown` decides what they are",
                    CdrsiteWarning,
                    stacklevel=2,
                )


class CostSurface:
    """The surface rules of a scenario, evaluated block by block.

    Parameters
    ----------
    rules : SurfaceRules
        The scenario's `transport.surface`.
    reader : LayerReader
        The layers.
    onshore, offshore : float
        Cost of a plain line [USD/t/km]; see
        :func:`cdrsite.transport.costmodels.unit_cost`.

    Raises
    ------
    ConfigError
        If a cost is not positive.
    """

    def __init__(
        self, rules: SurfaceRules, reader: LayerReader, onshore: float, offshore: float
    ) -> None:
        for name, value in (("onshore", onshore), ("offshore", offshore)):
            if not (np.isfinite(value) and value > 0):
                raise ConfigError(f"the cost per km {name} is not positive", got=value)
        self.rules = rules
        self.reader = reader
        self.onshore = onshore * rules.onshore
        self.offshore = offshore * rules.offshore

    def block(self, block: Block) -> SurfaceBlock:
        """Friction of a block.

        Parameters
        ----------
        block : Block
            Which cells; every cell depends on its own layers only, so blocks of any size give the
            same numbers.

        Returns
        -------
        SurfaceBlock
        """
        tally, rules = _Tally(block.shape), self.rules
        sea = np.zeros(block.shape, np.float32)
        if rules.sea is not None:
            sea = self._known(rules.sea, block, "sea", tally)
        land = self._land(block, sea, tally)
        per_km = (1.0 - sea) * land * self.onshore + sea * self.offshore
        per_km = per_km * self._corridors(block)
        for i, rule in enumerate(rules.barriers):
            closed = self._known(rule, block, f"barriers.{i}", tally) >= rules.barrier_share
            tally.closed |= closed
        steer = np.ones(block.shape)
        for i, avoid in enumerate(rules.avoid):
            steer *= self._avoid(avoid, block, f"avoid.{i}", tally)
        billing = np.where(tally.closed, np.inf, per_km).astype(np.float32)
        steering = np.where(tally.closed, np.inf, per_km * steer).astype(np.float32)
        return SurfaceBlock(billing, steering, tally.unknown, billing.size)

    def paint(self, store: ArrayStore, blocks: Sequence[Block], threads: int = 1) -> SurfaceReport:
        """Write billing and steering of the whole grid into a store, with warnings given.

        Parameters
        ----------
        store : ArrayStore
            Takes :data:`BILLING` and :data:`STEERING`, float32, shape of the grid [USD/t/km].
        blocks : sequence of Block
            They cover the grid.
        threads : int
            No effect on the result (rule 9).

        Returns
        -------
        SurfaceReport
            What was unknown.
        """
        shape = self.reader.grid.shape
        billing = store.create(BILLING, shape, np.float32)
        steering = store.create(STEERING, shape, np.float32)

        def work(block: Block) -> SurfaceReport:
            part, counts = self.block(block), SurfaceReport()
            billing[block.slices], steering[block.slices] = part.billing, part.steering
            counts.add(part)
            return counts

        report = SurfaceReport()
        for counts in in_order(threads, work, blocks):
            report.add(counts)
        report.warn()
        return report

    # factors

    def _land(self, block: Block, sea: Share, tally: _Tally) -> Factor:
        """Product of the factors of ground, which the sea does not have."""
        dry = sea < 1
        factor = np.ones(block.shape)
        for name, classes in self.rules.factors.items():
            of_class = self._class_factor(name, classes, block)
            factor *= tally.plain(of_class, f"factors.{name}", self.rules.unknown, dry)
        for key, table in self._tables():
            of_value = table_factor(table, self._table_values(table, block))
            factor *= tally.plain(of_value, key, table.unknown, dry)
        return factor

    def _tables(self) -> Iterator[tuple[str, FactorTable]]:
        if self.rules.slope is not None:
            yield "slope", self.rules.slope
        if self.rules.population is not None:
            yield "population", self.rules.population
        for i, table in enumerate(self.rules.tables):
            yield f"tables.{i}", table

    def _class_factor(self, layer: str, classes: Mapping[int | str, float], block: Block) -> Factor:
        """Area-weighted mean of the factors of the classes in each cell; 1 for the others."""
        extra = {name: factor - 1.0 for name, factor in classes.items()}
        return 1.0 + self.reader.class_share(layer, extra, block).astype(np.float64)

    def _table_values(self, table: FactorTable, block: Block) -> Factor:
        own = self.reader.info(table.layer).unit
        if table.unit == "degree" and own in {"percent", "%"}:
            rise = self.reader.values(table.layer, block).astype(np.float64)
            return np.asarray(np.degrees(np.arctan(rise / 100.0)))
        if table.unit == "person/km2" and own is not None and same_dimension(own, "person"):
            people = self.reader.values(table.layer, block, "person").astype(np.float64)
            return people / (self.reader.grid.block_areas(block) / 1e6)
        return self.reader.values(table.layer, block, table.unit).astype(np.float64)

    def _corridors(self, block: Block) -> Factor:
        """Lowest factor of the corridors; a cell that is partly inside gets part of it."""
        lowest = np.ones(block.shape)
        for corridor in self.rules.corridors:
            share = self._coverage(corridor, block)
            lowest = np.minimum(lowest, 1.0 - share * (1.0 - corridor.factor))
        return lowest

    def _avoid(self, avoid: Avoid, block: Block, key: str, tally: _Tally) -> Factor:
        if avoid.classes is not None:
            factor = self._class_factor(avoid.layer, avoid.classes, block)
            return tally.plain(factor, key, avoid.unknown)
        share = self._coverage(avoid, block).astype(np.float64)
        return np.asarray(1.0 + share * ((avoid.factor or 1.0) - 1.0))

    def _coverage(self, rule: Avoid | Corridor, block: Block) -> Share:
        """Share of each cell within a rule's features and their buffer."""
        return self.reader.coverage(rule.layer, block, rule.where, rule.buffer, "coverage")

    # rules

    def _known(self, rule: ExcludeRule, block: Block, key: str, tally: _Tally) -> Share:
        """Share of each cell in which a rule holds; unknown as the rule says."""
        share = rule_share(rule, self.reader, block)
        tally.count(key, np.isnan(share))
        return known_share(rule, share)


class _Tally:
    """What is unknown and what is closed in one block."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.closed = np.zeros(shape, bool)
        self.unknown: dict[str, int] = {}

    def count(self, key: str, missing: NDArray[np.bool_]) -> None:
        self.unknown[key] = int(missing.sum())

    def plain(self, factor: Factor, key: str, unknown: str, where: Any = True) -> Factor:
        """Factors with 1 for unknown cells, which become barriers if the rule says so."""
        missing = np.isnan(factor) & where
        self.count(key, missing)
        if unknown == "barrier":
            self.closed |= missing
        return np.where(np.isnan(factor), 1.0, factor)


def table_factor(table: FactorTable, values: Factor) -> Factor:
    """Factor of each value: straight between the points, flat beyond, NaN for NaN."""
    at, factors = zip(*table.points, strict=True)
    return np.where(np.isnan(values), np.nan, np.interp(values, at, factors))
