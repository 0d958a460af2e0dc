"""What a planned network is asked to store: all there is, amounts, or amounts by ledger."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace

from cdrsite.core.errors import CdrsiteWarning, ConfigError
from cdrsite.network.horizon import Period
from cdrsite.network.problem import NetworkProblem
from cdrsite.network.staged import reachable_in

WHERE = "network plan"


def asked_of(
    problem: NetworkProblem, target: float | None, targets: Mapping[str, float]
) -> float | dict[str, float]:
    """Give the target of a plan for one year.

    Parameters
    ----------
    problem : NetworkProblem
        Sources, sinks and arcs.
    target : float, optional
        Of all together [Mt/yr], where there are no ledgers; all that can be stored when not given.
    targets : mapping
        Ledger -> amount [Mt/yr]; all of a ledger that is not named or infinite.

    Returns
    -------
    float or dict
        Amount, or ledger -> amount [Mt/yr].

    Raises
    ------
    ConfigError
        One target for several ledgers.

    Warns
    -----
    CdrsiteWarning
        Storage or its connections take less than the sources give, where no target was given.
    """
    ledgers = {source.ledger for source in problem.sources}
    if target is not None:
        _refuse_sum(ledgers, "network.target")
        return target
    if targets or ledgers != {""}:
        return _by_ledger(problem, targets)
    supply, room, both = problem.reachable_mt_yr()
    if both < supply * (1 - 1e-9):
        warnings.warn(
            f"{WHERE}: plants could give {supply:.6g} Mt/yr, storage takes {room:.6g} Mt/yr and "
            f"their connections {both:.6g} Mt/yr; the plan is for {both:.6g} Mt/yr",
            CdrsiteWarning,
            stacklevel=3,
        )
    return both


def _refuse_sum(ledgers: set[str], where: str) -> None:
    if len(ledgers) > 1:
        raise ConfigError(
            "one target for sources of several ledgers, which are never summed",
            where=where,
            got=", ".join(sorted(name or "none" for name in ledgers)),
            cure="give targets, an amount for each",
            rule=5,
        )


def _by_ledger(
    problem: NetworkProblem,
    targets: Mapping[str, float],
    year: float | None = None,
    period: int | None = None,
) -> dict[str, float]:
    """All of each ledger that is in service, or the amount that is asked of it."""
    supply: dict[str, float] = {}
    for source in problem.sources:
        up = year is None or source.from_year <= year < source.until_year
        most = source.capacity_mt_yr if period is None else source.most_in(period)
        supply[source.ledger] = supply.get(source.ledger, 0.0) + most * up
    return supply | {
        name: amount if math.isfinite(amount) else supply.get(name, 0.0)
        for name, amount in targets.items()
    }


def asked_over(
    problem: NetworkProblem, periods: Sequence[Period], start: float | None, after: float
) -> list[Period]:
    """Give the periods with numbers in place of all there is; raises as :func:`asked_of`."""
    asked = []
    ledgers = {source.ledger for source in problem.sources}
    for k, one in enumerate(periods):
        target = one.target_mt_yr
        if isinstance(target, Mapping):
            target = _by_ledger(problem, target, one.year, k)
        elif target == math.inf:
            whole = reachable_in(problem, periods, k, start, after)
            target = _by_ledger(problem, {}, one.year, k) if ledgers != {""} else whole
        elif target is not None:
            _refuse_sum(ledgers, f"network.periods: {one.year:g}")
        asked.append(replace(one, target_mt_yr=target))
    return asked
