"""A planned network with its tables and lines."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.network.design import NetworkPlan, Pipe
from cdrsite.network.periods import BuildOut
from cdrsite.network.places import Places
from cdrsite.network.problem import NetworkProblem, Source
from cdrsite.network.trends import Trends
from cdrsite.transport.costmodels import levelised, ship, truck
from cdrsite.transport.hydraulics import nominal_diameter, parallel_lines
from cdrsite.transport.pipelines import Basis

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely import LineString

    from cdrsite.core.grid import AnalysisGrid
    from cdrsite.network.candidates import Candidates
    from cdrsite.network.plants import Plants


@dataclass(frozen=True)
class PlantUse:
    """A plant in the plan: stored [t/yr] of what it could give, and its cost [USD/yr]."""

    name: str
    method: str
    row: int
    col: int
    gross_t_yr: float
    could_store_t_yr: float
    stored_t_yr: float
    capture_usd_yr: float
    existing: bool


@dataclass(frozen=True)
class EmitterUse:
    """A plant of another kind in the plan: stored [t/yr] of what it could give, cost [USD/yr]."""

    name: str
    ledger: str
    could_store_t_yr: float
    stored_t_yr: float
    capture_usd_yr: float


@dataclass(frozen=True)
class PipeUse:
    """A line in the plan.

    Attributes
    ----------
    id, mode : str
        Arc; ``pipeline``, ``existing pipeline``, ``truck`` or ``ship``.
    start, end : str
        Names of plants and units, ``junction N`` elsewhere, in the direction of the flow.
    flow_t_yr : float
        Flow [t/yr].
    inch : float
        Nominal diameter of each line [inch]; NaN where it is no new pipeline.
    lines : int
        Parallel lines.
    length_km, weight_km : float
        True length, and length of plain ground of the same cost [km].
    cost_usd_yr : float
        By the trends: part of the objective [USD/yr].
    model_usd_yr : float
        By the cost model itself, for this flow and length [USD/yr]; NaN for existing pipelines.
    cell : ndarray, int64
        Flat cells in the direction of the flow; of a ship its ports alone.
    """

    id: str
    mode: str
    start: str
    end: str
    flow_t_yr: float
    inch: float
    lines: int
    length_km: float
    weight_km: float
    cost_usd_yr: float
    model_usd_yr: float
    cell: NDArray[np.int64]

    def line(self, grid: AnalysisGrid) -> LineString | None:
        """Cell centres as a line in the grid's CRS; None without cells."""
        from cdrsite.transport.routes import line

        if not len(self.cell):
            return None
        row, col = np.divmod(self.cell, grid.cols)
        return line(row, col, grid)


@dataclass(frozen=True)
class StorageUse:
    """A storage unit in the plan: stored and room [t/yr], wells, cost [USD/yr]."""

    name: str
    stored_t_yr: float
    room_t_yr: float
    wells: int
    cost_usd_yr: float


@dataclass(frozen=True)
class Planned:
    """A designed network with its tables.

    Attributes
    ----------
    plan : NetworkPlan
        Status, bound, gap and the parts in the solver's units.
    problem : NetworkProblem
        What was solved.
    plants : tuple of PlantUse
        All plants, those not served with 0 stored.
    pipes : tuple of PipeUse
        What is built or used.
    storage : tuple of StorageUse
        All reachable units.
    trends : Trends, optional
        Of pipelines, with their excess over the cost model; None where tables give the arcs.
    wanted_t_yr : float
        Target [t/yr].
    unserved_t_yr : float
        What plants could give above the target [t/yr].
    build_out : BuildOut, optional
        Over periods: what is built when. ``plan`` is then what stands in the last of them.
    emitters : tuple of EmitterUse
        All plants of other kinds.
    places : Places, optional
        Where nodes and arcs of tables are.
    """

    plan: NetworkPlan
    problem: NetworkProblem
    plants: tuple[PlantUse, ...]
    pipes: tuple[PipeUse, ...]
    storage: tuple[StorageUse, ...]
    trends: Trends | None
    wanted_t_yr: float
    unserved_t_yr: float
    build_out: BuildOut | None = None
    emitters: tuple[EmitterUse, ...] = ()
    places: Places | None = None

    @property
    def stored_t_yr(self) -> float:
        """What plants and emitters bring to storage, whatever its ledger [t/yr]."""
        own = [p.stored_t_yr for p in self.plants]
        return math.fsum([*own, *(p.stored_t_yr for p in self.emitters)])

    @property
    def costs(self) -> dict[str, float]:
        """Cost by part [USD/yr]; they add up to the plan's cost."""
        by_mode = {
            mode: math.fsum(p.cost_usd_yr for p in self.pipes if p.mode == mode)
            for mode in ("pipeline", "existing pipeline", "truck", "ship")
        }
        return {
            "capture": math.fsum(
                [
                    *(p.capture_usd_yr for p in self.plants),
                    *(p.capture_usd_yr for p in self.emitters),
                ]
            ),
            **by_mode,
            "storage": math.fsum(s.cost_usd_yr for s in self.storage),
        }

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Rows of ``plants``, ``pipes``, ``storage`` and ``costs``, units in the names."""
        stored = self.stored_t_yr
        pipes = [asdict(pipe) for pipe in self.pipes]
        for row in pipes:
            del row["cell"]
        return {
            "plants": [asdict(plant) for plant in self.plants],
            "pipes": pipes,
            "storage": [asdict(unit) for unit in self.storage],
            "costs": [
                {
                    "part": part,
                    "cost_usd_yr": cost,
                    "cost_usd_t": cost / stored if stored > 0 else math.nan,
                }
                for part, cost in self.costs.items()
            ],
        }


@dataclass(frozen=True)
class Link:
    """What an arc of the problem stands for."""

    mode: str
    weight_km: float
    length_km: float
    tail: int
    cell: NDArray[np.int64]


def node_names(
    plants: Plants, units: Sequence[str], candidates: Candidates, emitters: Sequence[Any] = ()
) -> dict[int, str]:
    """Names of nodes; those of storage ``units`` in their order, junctions numbered by cell."""
    names: dict[int, str] = dict(zip(candidates.storage_node.tolist(), units, strict=True))
    for plant, node in zip(
        (*plants.plants, *emitters), candidates.plant_node.tolist(), strict=True
    ):
        names[node] = f"{names[node]} + {plant.name}" if node in names else plant.name
    ends = {node for arc in candidates.arcs for node in (arc.tail, arc.head)}
    ports = {arc.tail: names.get(arc.head, "") for arc in candidates.arcs if arc.pipe == -2}
    for number, node in enumerate(sorted(ends - set(names)), start=1):
        names[node] = f"access to {ports[node]}" if node in ports else f"junction {number}"
    return names


def pipe_uses(
    plan: NetworkPlan, made: dict[str, Link], names: dict[int, str], model: str, basis: Basis
) -> tuple[PipeUse, ...]:
    """Lines of a plan; without the steps into storage units."""
    pipes = [_pipe_use(pipe, made[pipe.arc], names, model, basis) for pipe in plan.pipes]
    return tuple(pipe for pipe in pipes if pipe is not None)


def _pipe_use(
    pipe: Pipe, link: Link, names: dict[int, str], model: str, basis: Basis
) -> PipeUse | None:
    """A line of the plan; None for the step into a unit."""
    if link.mode == "access":
        return None
    flow, inch, lines = pipe.flow_mt_yr * 1e6, math.nan, 1
    cost = math.nan
    if link.mode == "pipeline" and flow > 0:
        lines = int(parallel_lines(flow / basis.utilisation))
        inch = float(nominal_diameter(flow / basis.utilisation / lines))
        cost = float(levelised(model, flow, link.weight_km, basis)) * flow
    elif link.mode == "truck":
        cost = float(truck(flow, max(link.length_km, 1e-3), basis)) * flow
    elif link.mode == "ship":
        cost = float(ship(flow, link.length_km, basis)) * flow
    cell = link.cell if pipe.tail == link.tail else link.cell[::-1]
    tail, head = (names.get(int(n), str(n)) for n in (pipe.tail, pipe.head))  # type: ignore[call-overload]
    return PipeUse(
        pipe.arc, link.mode, tail, head, flow, inch, lines, link.length_km, link.weight_km,
        pipe.cost_musd_yr * 1e6, cost, cell,
    )  # fmt: skip


def plant_uses(plants: Plants, plan: NetworkPlan) -> tuple[PlantUse, ...]:
    """All plants with what the plan stores of each."""
    used = {source.id: source for source in plan.sources}
    rows = []
    for k, plant in enumerate(plants.plants):
        one = used.get(f"plant {k}")
        stored = one.captured_mt_yr * 1e6 if one else 0.0
        cost = one.cost_musd_yr * 1e6 if one else 0.0
        rows.append(
            PlantUse(
                plant.name,
                plant.method,
                plant.row,
                plant.col,
                plant.gross_t_yr,
                plant.stored_t_yr,
                stored,
                cost,
                plant.existing,
            )
        )
    return tuple(rows)


def storage_uses(problem: NetworkProblem, plan: NetworkPlan) -> tuple[StorageUse, ...]:
    """All reachable units with what the plan stores in each."""
    used = {sink.id: sink for sink in plan.sinks}
    return tuple(
        StorageUse(
            sink.id,
            used[sink.id].stored_mt_yr * 1e6 if sink.id in used else 0.0,
            rate * 1e6,
            used[sink.id].wells if sink.id in used else 0,
            used[sink.id].cost_musd_yr * 1e6 if sink.id in used else 0.0,
        )
        for sink, rate in zip(problem.sinks, problem.sink_rates().tolist(), strict=True)
    )


def emitter_uses(sources: Iterable[Source], plan: NetworkPlan) -> tuple[EmitterUse, ...]:
    """All emitters with what the plan stores of each."""
    used = {source.id: source for source in plan.sources}
    return tuple(
        EmitterUse(
            one.name or one.id,
            one.ledger,
            one.capacity_mt_yr * 1e6,
            used[one.id].captured_mt_yr * 1e6 if one.id in used else 0.0,
            used[one.id].cost_musd_yr * 1e6 if one.id in used else 0.0,
        )
        for one in sources
    )
