"""A study in many samples: how sure its plan is.

First every sample is solved over few cells, which gives its prices and totals; then, where maps are
asked for, one pass over the true cells looks at each of them at the prices of every sample.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from cdrsite.core.errors import CdrsiteWarning, ConfigError, message
from cdrsite.methods.model import parsed_value
from cdrsite.sampling.statistics import (
    LEVELS,
    MOVED,
    binomial_error,
    moved,
    precision_of,
    stages,
)
from cdrsite.sampling.thin import WANTED
from cdrsite.study.decisions import Decisions, decide
from cdrsite.study.robust import make_robust
from cdrsite.study.sampled import SampledStudy, ensemble_of, sampled_study, storage_cases
from cdrsite.study.samplemaps import (
    PIECE,
    AtSamples,
    at_prices_of,
    map_samples,
    rest_of_bound,
    sum_samples,
)
from cdrsite.study.samples import (
    INFEASIBLE,
    REFUSED,
    AllCells,
    Solved,
    SolveSample,
    Thin,
    all_cells,
    solve_samples,
    thinned,
)
from cdrsite.study.samplesites import CORE, site_frequencies
from cdrsite.study.sampletables import (
    NUMBER_COLUMNS,
    convergence_table,
    deciding_table,
    number_table,
    pool_ranges,
    sample_table,
    total_ranges,
    zone_ranges,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.engine.passes import Workspace
    from cdrsite.result.study_result import StudyResult
    from cdrsite.sampling.drawn import Ensemble
    from cdrsite.study.offers import Offers
    from cdrsite.study.prepare import Setting
    from cdrsite.study.problem import Allocation
    from cdrsite.study.standing import Standing

    F64 = NDArray[np.float64]

Extent = Literal["none", "totals", "maps"]
"""What of the samples a run works out: nothing, their totals, or maps of them too."""
MOST_TOLD = 5
"""Numbers that decide which the summary tells."""
MARGIN = 0.02
"""Margin of reach where the scenario has none: part of a net tonne, or of what one costs [1]."""


@dataclass
class Sampled:
    """What the samples of a study say.

    Attributes
    ----------
    tables : dict
        DataFrames by name.
    summary : dict
        Headline numbers.
    look_at_sites : callable or None
        Table of the best sites -> that of how often each stays; None where only totals are asked.
    """

    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    look_at_sites: Callable[[pd.DataFrame], pd.DataFrame] | None = None


def known_samples(sampled: Sampled | None) -> int:
    """Samples that have a plan; 0 where none are asked for."""
    return 0 if sampled is None else int(sampled.summary["known"])


def add_samples(sampled: Sampled | None, result: StudyResult) -> None:
    """Add to a result what its samples say, and how often each of its best sites stays in reach."""
    if sampled is None:
        return
    if sampled.look_at_sites is not None and "sites" in result.tables:
        found = sampled.tables["sites_uncertain"] = sampled.look_at_sites(result.tables["sites"])
        mine = found[found["in_plan"].astype(bool)]
        core = int(mine["core"].sum())
        sampled.summary["sites"] = {"in_plan": len(mine), "core": core, "share": CORE}
    result.tables |= sampled.tables
    result.summary["uncertainty"] = sampled.summary


def sample_study(
    setting: Setting,
    offers: Offers,
    allocation: Allocation,
    space: Workspace,
    extent: Extent,
    standing: Standing | None = None,
) -> Sampled | None:
    """Solve the samples of a study; None where nothing is asked for.

    Parameters
    ----------
    setting : Setting
        The study.
    offers : Offers
        Pools, and routes to storage.
    allocation : Allocation
        The study's own plan.
    space : Workspace
        With the arrays of the run; takes the maps.
    extent : {'none', 'totals', 'maps'}
        What is wanted.
    standing : Standing, optional
        Plants that stand already.

    Raises
    ------
    ConfigError
        What the scenario says of its numbers does not fit them, or no sample has a plan.
    """
    if extent == "none" or setting.scenario.uncertainty is None:
        return None
    ensemble = ensemble_of(setting)
    assert ensemble is not None  # noqa: S101 - the scenario asks for it
    refuse_certain(ensemble)
    study = sampled_study(setting, offers, ensemble, space, standing)
    cells = all_cells(setting, study, space)
    thin = thinned(study, cells, space, WANTED)
    margin = margin_of(setting, allocation)
    task = SolveSample(study, thin, margin)
    solved, checks = _solved_until_sure(task, setting, ensemble, space)
    known = [one for one in solved if one.known]
    _tell_failures(solved)
    bounds, laid = np.full(len(solved), np.nan), np.full(len(solved), np.nan)
    if extent == "maps":
        task_of = (offers, cells, space.result, space.scratch, PIECE)
        at = [one.number for one in known]
        bounds[at], laid[at] = _mapped(
            AtSamples(study, tuple(known), *task_of), margin, thin, space
        )
    names = tuple(setting.models)
    goal = allocation.solution.objective
    tables = {
        "uncertain": number_table(ensemble),
        "samples": sample_table(ensemble, solved, bounds, names, goal.sign),
        "totals_uncertain": total_ranges(known, names, allocation),
        "pools_uncertain": pool_ranges(known, allocation.solution),
        "provinces_uncertain": zone_ranges(known, setting),
        "convergence": convergence_table(checks),
    }
    tables["deciding"], explained = deciding_table(ensemble, known)
    summary = _summary(study, solved, thin, cells, explained) | {
        "margin": margin,
        "margin_unit": f"{goal.unit.removesuffix('/yr')}/t",
        "largest_gap": _largest_gap(solved, bounds),
        "largest_error_of_laying_out": _laid_error(laid, solved),
        "precision": checks[-1]["precision"],
        "deciding": tables["deciding"].head(MOST_TOLD).replace({np.nan: None}).to_dict("records"),
        "ranges": tables["totals_uncertain"].replace({np.nan: None}).to_dict("records"),
    }
    decided = _decided(study, thin, known, extent, space)
    if decided is not None:
        tables |= decided.tables
        summary["decisions"] = decided.summary
    looked = partial(site_frequencies, study, solved, cells, space, margin=margin)
    return Sampled(tables, summary, looked if extent == "maps" else None)


def _decided(
    study: SampledStudy, thin: Thin, known: Sequence[Solved], extent: Extent, space: Workspace
) -> Decisions | None:
    """Kept plans, weighed: with the maps, and wherever a robust plan is asked for."""
    scenario = study.setting.scenario
    robust = scenario.objective.robust is not None
    asked = scenario.uncertainty
    if asked is None or not asked.decisions or not (extent == "maps" or robust):
        return None
    found = decide(study, thin, known, asked.decisions, space)
    return make_robust(found, study, thin, known, space) if robust else found


def _summary(
    study: SampledStudy, solved: Sequence[Solved], thin: Thin, cells: AllCells, explained: float
) -> dict[str, Any]:
    """How many samples of what there are, and how they ended."""
    ensemble = study.ensemble
    return {
        "samples": len(solved),
        "of": ensemble.samples,
        "known": sum(one.known for one in solved),
        "infeasible": sum(one.status == INFEASIBLE for one in solved),
        "refused": sum(one.status == REFUSED for one in solved),
        "seed": ensemble.seed,
        "numbers": len(ensemble.columns),
        "thinned_cells": thin.kept.count,
        "cells": cells.count,
        "explained": explained,
    }


def _largest_gap(solved: Sequence[Solved], bounds: F64) -> float | None:
    """Largest relative distance of a sample's plan to its bound over the true cells [1]."""
    gaps = np.abs(bounds - [one.value for one in solved]) / np.abs(bounds)
    return float(np.nanmax(gaps)) if np.isfinite(gaps).any() else None


def numbers_of(setting: Setting) -> pd.DataFrame:
    """Every uncertain number of a study, before anything is run."""
    ensemble = ensemble_of(setting)
    if ensemble is None:
        return pd.DataFrame(columns=list(NUMBER_COLUMNS))
    storage_cases(setting)
    return number_table(ensemble)


def refuse_certain(ensemble: Ensemble) -> None:
    """Refuse a study of which nothing is uncertain.

    Raises
    ------
    ConfigError
        No number has a range.
    """
    if not ensemble.dimensions and not ensemble.fields:
        held = ", ".join(f"{one.path} ({one.why})" for one in ensemble.held[:5])
        raise ConfigError(
            "no number of the study is uncertain",
            where="uncertainty",
            got=f"held: {held}, ..." if held else None,
            expected="at least one range",
            cure="ranges: library, or give low and high of a number",
        )


def margin_of(setting: Setting, allocation: Allocation) -> float:
    """How near to paying is in reach, in the unit of the goal per gross tonne.

    Raises
    ------
    ConfigError
        The scenario's margin has another unit.
    """
    asked = setting.scenario.uncertainty
    money = setting.scenario.objective.kind != "net_removal"
    if asked is not None and asked.margin is not None:
        unit = "USD/t" if money else "t/t"
        base_year = setting.scenario.costs.base_year
        return parsed_value(asked.margin, unit, base_year, "uncertainty.margin")
    if not money:
        return MARGIN
    totals = allocation.solution.totals.by_combo.sum(axis=(0, 1))
    return MARGIN * float(totals[2] / totals[1]) if totals[1] > 0 else 0.0


def _solved_until_sure(
    task: SolveSample, setting: Setting, ensemble: Ensemble, space: Workspace
) -> tuple[list[Solved], list[dict[str, float]]]:
    """Solve all samples, or as many as the precision asks for; what was found at each stage."""
    asked = setting.scenario.uncertainty
    precision = None if asked is None else asked.precision
    solved: list[Solved] = []
    checks: list[dict[str, float]] = []
    before: F64 | None = None
    for count in stages(ensemble.samples):
        fresh = range(len(solved), count)
        solved += solve_samples(task, fresh, space)
        known = [one for one in solved if one.known]
        totals = np.array([one.totals[:, 1].sum() for one in known])
        now = np.quantile(totals, LEVELS) if len(totals) else np.full(len(LEVELS), np.nan)
        shares = _reach_of_thinned(known, task.thin)
        sure = precision_of(shares, len(known))
        change = np.nan if before is None else moved(before[[0, 2]], now[[0, 2]])
        mean = float(totals.mean()) if len(totals) else np.nan
        checks.append(
            {
                "samples": count,
                "net_p05_t_yr": now[0], "net_p50_t_yr": now[1], "net_p95_t_yr": now[2],
                "net_mean_t_yr": mean, "moved": change, "precision": sure,
                "error_of_half": float(binomial_error(np.array(0.5), len(known))),
            }
        )  # fmt: skip
        before = now
        if precision is not None and sure <= precision and change < MOVED:
            break
    return solved, checks


def _reach_of_thinned(known: Sequence[Solved], thin: Thin) -> F64:
    """Share of the samples in which each thinned cell is in reach of each method."""
    count = thin.kept.count
    if not known:
        return np.zeros(0)
    total = np.zeros((len(known[0].in_reach), count))
    for one in known:
        total += np.unpackbits(one.in_reach, axis=1, count=count)
    return total.ravel() / len(known)


def _tell_failures(solved: Sequence[Solved]) -> None:
    """Warn of samples without a plan; refuse a study of which no sample has one."""
    lost = [one for one in solved if not one.known]
    if not lost:
        return
    first = lost[0]
    reason = f"sample {first.number + 1}: {first.why}"
    if len(lost) == len(solved):
        raise ConfigError(
            "no sample has a plan", where="uncertainty", got=reason, cure="narrow the ranges"
        )
    refused = sum(one.status == REFUSED for one in lost)
    text = message(
        f"{len(lost)} of {len(solved)} samples have no plan and are in no statistic but their own",
        where="uncertainty",
        got=f"{len(lost) - refused} in conflict with their rules, {refused} with numbers that a "
        f"run refuses; {reason}",
        cure="read the shares as given that there is a plan, or narrow the ranges",
        rule=8,
    )
    warnings.warn(text, CdrsiteWarning, stacklevel=2)


def _mapped(at: AtSamples, margin: float, thin: Thin, space: Workspace) -> tuple[F64, F64]:
    """Map all samples; their bounds over the true cells, and net tonnes that are laid out."""
    blocks = at.study.setting.blocks
    bound, parts = sum_samples(at, space, blocks)
    for s, one in enumerate(at.solved):
        sample = at.study.sample(one.number)
        here = sample.in_cells(thin.kept)
        problem = here.problem(here.cells(0, 1))
        bound[s] += rest_of_bound(at_prices_of(problem, sample, one, thin.zoned))
    return bound, map_samples(at, parts, margin, space, blocks)


def _laid_error(laid: F64, solved: Sequence[Solved]) -> float | None:
    """Largest relative distance of what was laid out to the tonnes of a sample [1]."""
    net = np.array([one.totals[:, 1].sum() for one in solved])
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.abs(laid - net) / np.abs(net)
    return float(np.nanmax(error)) if np.isfinite(error).any() else None
