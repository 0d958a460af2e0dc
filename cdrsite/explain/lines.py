"""What is said of cells, the same on a terminal and on the page: reasons and facts in words.

One module: a sentence stands beside the facts that it names.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.numbers import THIN
from cdrsite.core.vocabulary import INTERCHANGEABLE, NO_METHOD, RESOURCES, part_in_words
from cdrsite.core.vocabulary import amount as units
from cdrsite.core.words import SAMPLES
from cdrsite.explain.built import say_built
from cdrsite.explain.cells import (
    AS_GOOD,
    CHARGES,
    NO_GAIN,
    NOTHING_FITS,
    TIE,
    TOO_MUCH,
    USED,
    USED_SHARE,
    EqualShare,
    Evidence,
    InPlan,
    Reason,
    built_per_output,
    by_kind,
    methods_of,
    rule_bits,
)
from cdrsite.explain.facts import Fact, Line, Told, labelled, listed, one_of, some_of
from cdrsite.outputs.legend import INCLUDED_BIT, flag_names, label_names
from cdrsite.result.attributes import texts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.core.words import Words

    F64 = NDArray[np.float64]

LEAST_CURE = 0.005
"""A charge of which less than this would have to be left is no cure [1]."""
SAME_COST = 1e-4
"""Part of a cost by which it is told as another [1]."""
DEAREST = 2
"""Digits of prices and shortfalls."""


# ------------------------------------------------------------------------ names


def amount(values: NDArray[Any], unit: str, words: Words) -> Fact:
    """An amount in the unit in which people read it."""
    size, name = units("" if unit == "1" else unit).place
    return Fact(np.asarray(values, np.float64) / size, unit=f" {words.unit(name)}" if name else "")


def percent(share: F64) -> Fact:
    """A share of one in percent."""
    return Fact(100.0 * share, digits=2, unit=f"{THIN}%")


def rules_hit(evidence: Evidence, bits: int, words: Words) -> tuple[str, ...]:
    """Names of the rules whose bits are set."""
    names = texts(evidence.dataset.attrs.get("exclusion_rules", ()))
    some = [bit for bit in range(INCLUDED_BIT) if bits >> bit & 1]
    found = [
        words.named("rule", names[bit]) if bit < len(names) else words("why.rule", n=bit)
        for bit in some
    ]
    return (*found, *[words("why.included")] * (bits >> INCLUDED_BIT & 1))


def _rules(evidence: Evidence, bits: NDArray[np.int64], words: Words) -> Fact:
    """Rules that hit each cell."""
    return some_of(bits, lambda kind: words("why.between").join(rules_hit(evidence, kind, words)))


# ------------------------------------------------------------------ of a method


def method_told(evidence: Evidence, index: int, reason: Reason, words: Words) -> Told:
    """What is said of one method in each cell.

    Parameters
    ----------
    evidence, index, reason
        Of the run, and :func:`cdrsite.explain.cells.reason_of` it.
    words : Words
        Language.
    """
    method, plan = methods_of(evidence.dataset)[index], reason.plan
    used = reason.possible & (plan.gross_t_yr > 0) if plan is not None else reason.possible & False
    told = Told(one_of("", {words("why.short_used"): used}))
    told.facts["method"] = Fact(np.zeros(used.shape, np.int8), texts=(words.method(method),))
    told.facts["rules"] = _rules(evidence, reason.rules, words)
    told.lines.append(_state(evidence, reason, words))
    if plan is not None:
        _say_plan(evidence, index, plan, told, words)
        _say_costs(evidence, plan, told, words)
    emits = evidence.of("emissions_of_place", index)
    emits = np.where(reason.possible, emits, np.nan)
    told.facts["emits"] = Fact(emits)
    told.say(words("why.title.emissions"), {words("why.emits"): np.isfinite(emits)})
    say_built(evidence, index, told, words)
    _say_samples(evidence, index, told, words)
    _say_equal_share(evidence, index, reason, told, words)
    return told


def _state(evidence: Evidence, reason: Reason, words: Words) -> Line:
    """Why a method is not possible, where it is not."""
    cases = {}
    for code, word in flag_names(evidence.dataset["limit"]).items():
        here = (reason.limit == code) & ~reason.possible
        if word == "excluded":
            cases[words("why.excluded")] = here & (reason.rules != 0)
        cases[words.named("why.state", word)] = here
    return one_of(words("why.title.state"), cases)


def _say_plan(evidence: Evidence, index: int, plan: InPlan, told: Told, words: Words) -> None:
    """Verdict, what a gross tonne pays for, and what would have to change."""
    title, verdict = words("why.title.plan"), plan.verdict
    goal = str(evidence.dataset.attrs.get("objective_unit", "t/yr")).removesuffix("/yr")
    unit = f" {words.unit(goal)}"
    with np.errstate(divide="ignore", invalid="ignore"):
        less, share = plan.shortfall / plan.charge, plan.gross_t_yr / plan.most_t_yr
    dear = verdict == TOO_MUCH
    told.facts.update(
        gross=Fact(plan.gross_t_yr),
        share=percent(share),
        worth=Fact(plan.worth, unit=unit),
        what=_charged(evidence, plan, words),
        charge=Fact(plan.charge, DEAREST, unit),
        short=Fact(np.where(dear, plan.shortfall, np.nan), DEAREST, unit),
        less=percent(np.where(dear, less, np.nan)),
        given=_given(plan, words),
    )
    verdicts = {
        words("why.used_share"): verdict == USED_SHARE,
        words("why.used"): verdict == USED,
        words("why.short"): dear,
        words("why.no_gain"): verdict == NO_GAIN,
        words("why.as_good"): verdict == AS_GOOD,
        words("why.nothing_fits"): verdict == NOTHING_FITS,
    }
    told.say(title, verdicts)
    if "capacity" in evidence:
        built = built_per_output(evidence, index)
        idle = (plan.gross_t_yr > 0) & (built > 1.0 + SAME_COST)
        told.facts["built"] = Fact(np.where(idle, plan.gross_t_yr * built, np.nan))
        told.facts["load"] = percent(np.where(idle, 1.0 / built, np.nan))
        told.say(title, {words("why.idle"): idle})
    pays = np.isin(verdict, (USED, USED_SHARE, TOO_MUCH, AS_GOOD)) & np.isfinite(plan.worth)
    feeds = _feeds(plan)
    told.facts["loss"] = Fact(np.where(feeds, -plan.worth, np.nan), DEAREST, unit)
    told.say(
        title,
        {
            words("why.feeds"): feeds,
            words("why.pays"): pays & (plan.dearest > 0),
            words("why.worth"): pays,
        },
    )
    cures = {
        words("why.cure"): dear & (1.0 - np.nan_to_num(less, nan=np.inf) > LEAST_CURE),
        words("why.cure_none"): dear & (plan.dearest > 0),
        words("why.cure_worth"): dear,
    }
    told.say(title, cures)


def _feeds(plan: InPlan) -> NDArray[np.bool_]:
    """Where a method is run at a loss of its own for what it gives to others."""
    gives = np.zeros(plan.worth.shape, bool)
    for need in plan.needs.values():
        gives |= np.nan_to_num(need) < 0
    used = np.isin(plan.verdict, (USED, USED_SHARE))
    with np.errstate(invalid="ignore"):
        loss = plan.worth < -TIE * np.abs(plan.cost_at_plant)
    return np.asarray(used & gives & loss)


def _given(plan: InPlan, words: Words) -> Fact:
    """What a method gives to others."""
    names = list(plan.needs)
    bits = np.zeros(plan.worth.shape, np.int64)
    for i, need in enumerate(plan.needs.values()):
        bits |= (np.nan_to_num(need) < 0).astype(np.int64) << i

    def said(kind: int) -> str:
        some = [words.resource(name) for i, name in enumerate(names) if kind >> i & 1]
        return words("list.comma").join(some)

    return some_of(np.where(bits > 0, bits, -1), said)


def _say_samples(evidence: Evidence, index: int, told: Told, words: Words) -> None:
    """In how many of the samples it is in the plan, and in reach of it."""
    if "probability" not in evidence:
        return
    used, near = (evidence.of(name, index) for name in ("probability", "reach"))
    count = int(evidence.dataset.attrs.get(SAMPLES, 0))
    # Laplace's estimate: none of a few samples does not mean never
    about = (used * count + 1.0) / (count + 2.0)
    error = np.sqrt(about * (1.0 - about) / (count + 2.0))
    told.facts.update(in_samples=percent(used), in_error=percent(error), in_reach=percent(near))
    told.say(words("why.title.sure"), {words("why.samples"): np.isfinite(used)})


def _say_rivals(evidence: Evidence, told: Told, words: Words) -> None:
    """Which method most samples choose in a cell, and in how many none is there."""
    if "winner_likely" not in evidence:
        return
    methods = methods_of(evidence.dataset)
    known = flag_names(evidence.dataset["winner_likely"])
    codes = np.asarray(evidence.cells["winner_likely"], np.int64)
    named = {code: words.called(word) for code, word in known.items()}
    share, some = (evidence.of(name, 0) for name in ("winner_share", "probability_any"))
    told.facts.update(
        likely=some_of(codes, lambda code: named.get(code, "")),
        likely_share=percent(share),
        none_share=percent(1.0 - some),
        low=Fact(evidence.of("removal_p05", 0)),
        high=Fact(evidence.of("removal_p95", 0)),
    )
    likely = np.isin(codes, [code for code, word in known.items() if word in methods])
    cases = {words("why.likely"): likely & np.isfinite(share), words("why.never"): some == 0}
    told.say(words("why.title.samples"), cases)


def _say_costs(evidence: Evidence, plan: InPlan, told: Told, words: Words) -> None:
    """What a net tonne costs and of what that is made up, the way to storage, and the needs."""
    title, comma = words("why.title.cost"), words("list.comma")
    known = np.isfinite(plan.cost_usd_per_net_t)
    told.facts["plan_cost"] = Fact(plan.cost_usd_per_net_t)
    told.say(title, {words("why.cost"): known & (plan.sink >= 0), words("why.cost_here"): known})
    told.facts["credited_cost"] = Fact(plan.cost_usd_per_credited_t)
    told.say(title, {words("why.credited"): np.isfinite(plan.cost_usd_per_credited_t)})
    names = {part: part_in_words(part, words) for part in plan.parts_usd_per_net_t}
    parts = _items(told, "part", plan.parts_usd_per_net_t, names, words)
    told.lines.append(listed(title, words("why.parts"), parts, comma))
    _say_way(evidence, plan, told, words)
    nouns = {name: words.resource(name) for name in plan.needs}
    needs = _items(told, "need", plan.needs, nouns, words)
    told.lines.append(listed(words("why.title.needs"), words("why.needs"), needs, comma))


def _items(
    told: Told, kind: str, values: Mapping[str, F64], names: Mapping[str, str], words: Words
) -> dict[str, F64]:
    """Items of a list, each with a place for its fact, which is added."""
    items = {}
    for name, amounts in values.items():
        unit = f" {words.unit(RESOURCES[name].per)}" if kind == "need" else ""
        told.facts[f"{kind}_{name}"] = Fact(amounts, unit=unit)
        items[words("why.item", what=names[name], amount=f"{{{kind}_{name}}}")] = amounts
    return items


def _charged(evidence: Evidence, plan: InPlan, words: Words) -> Fact:
    """What a gross tonne pays most for, with the place whose price it is."""
    most = 1 << 24
    codes = np.where(plan.dearest > 0, plan.dearest.astype(np.int64) * most, -1)
    for position, what in enumerate(CHARGES):
        pool = f"pool_{what}"
        if pool in evidence and what != "land":
            label = plan.sink if what == "storage" else evidence.cells[pool]
            codes = np.where(plan.dearest == position, position * most + 1 + label, codes)

    def said(code: int) -> str:
        what, label = CHARGES[code // most], code % most - 1
        if what == "rules":
            policies = texts(evidence.dataset.attrs.get("binding_policies", ()))
            return words("why.rules", names=words("list.comma").join(policies))
        names = label_names(evidence.dataset[f"pool_{what}"]) if label >= 0 else ()
        kind = words.resource(what)
        return words("why.of", what=kind, zone=names[label]) if 0 <= label < len(names) else kind

    return some_of(codes, said)


def _say_way(evidence: Evidence, plan: InPlan, told: Told, words: Words) -> None:
    """To which storage unit its CO2 goes or would go."""
    if "pool_storage" not in evidence:
        return
    told.facts["sink"] = labelled(plan.sink, label_names(evidence.dataset["pool_storage"]))
    some, goes = plan.sink >= 0, plan.gross_t_yr > 0
    near = some & (plan.sink == evidence.cells["pool_storage"])
    near &= np.isfinite(evidence.of("transport_km", 0))
    cases = {
        words("why.goes_km"): near & goes,
        words("why.goes"): some & goes,
        words("why.sink_km"): near,
        words("why.sink"): some,
    }
    told.say(words("why.title.cost"), cases)


def _say_equal_share(
    evidence: Evidence, index: int, reason: Reason, told: Told, words: Words
) -> None:
    """What a method could do with an equal share of the pools, and what limits it."""
    title, equal = words("why.title.equal_share"), reason.equal
    cost, gross = equal.cost_usd_per_net_t, equal.gross_t_yr
    net = equal.net_t_yr / np.where(gross > 0, gross, np.nan)
    other = np.isfinite(cost)
    if reason.plan is not None:  # to another storage unit than the plan's
        other &= ~np.isclose(cost, reason.plan.cost_usd_per_net_t, SAME_COST, 0.0)
    told.facts.update(
        equal_gross=Fact(gross),
        net_factor=Fact(net),
        equal_cost=Fact(cost),
        equal_need=Fact(equal.need_per_t),
        **_offered_by_kind(evidence, index, equal, words),
        available=percent(equal.available_share),
        suitability=Fact(equal.suitability, digits=2),
    )
    share, none = words("why.equal_share"), words("why.equal_share_none")
    told.say(title, {share: reason.possible & np.isfinite(net), none: reason.possible})
    told.say(title, {words("why.equal_share_cost"): other})
    told.say(title, _limits(evidence, reason.limit, equal, words, told.facts))
    told.say(title, {words("why.suits"): np.isfinite(equal.available_share)})


def _offered_by_kind(
    evidence: Evidence, index: int, equal: EqualShare, words: Words
) -> dict[str, Fact]:
    """What a method is offered of what it may have by kind, where that limits it."""
    facts, limit = {}, evidence.cells["limit"][index]
    for code, name in flag_names(evidence.dataset["limit"]).items():
        if f"supply_{name}" in evidence and by_kind(evidence, name, index):
            unit = str(evidence.dataset[f"supply_{name}"].attrs.get("units", ""))
            mine = np.where(limit == code, equal.offered, np.nan)
            facts[f"offered_{name}"] = amount(mine, unit, words)
    return facts


def _limits(
    evidence: Evidence,
    limit: NDArray[np.uint8],
    equal: EqualShare,
    words: Words,
    facts: Container[str],
) -> dict[str, NDArray[np.bool_]]:
    """What limits a method, by resource."""
    cases: dict[str, NDArray[np.bool_]] = {}
    for code, name in flag_names(evidence.dataset["limit"]).items():
        if name not in RESOURCES:
            continue
        here, what = limit == code, words.resource(name)
        if f"supply_{name}" in evidence:
            own = f"offered_{name}"  # where the cell's supply is of kinds that it may not have
            places = {"what": what, "offered": f"{{{own if own in facts else f'supply_{name}'}}}"}
            need = f"{{equal_need}} {words.unit(RESOURCES[name].per)}"
            needed, offered = np.isfinite(equal.need_per_t), np.isfinite(equal.offered)
            cases[words("why.limit_need", **places, need=need)] = here & needed
            cases[words("why.limit_offered", **places)] = here & offered
        cases[words("why.limit", what=what)] = here
    return cases


# ------------------------------------------------------------------- of a cell


def cell_told(evidence: Evidence, reasons: Sequence[Reason], words: Words) -> Told:
    """What is said of each cell whatever the method.

    Parameters
    ----------
    evidence : Evidence
        Of the run.
    reasons : sequence of Reason
        Of its methods.
    words : Words
        Language.
    """
    rules = rule_bits(evidence)
    told = Told(_lead(evidence, reasons, rules, words))
    told.facts["rules"] = _rules(evidence, rules, words)
    for name, key in (("binding", "why.title.binding"), ("interchangeable", "why.title.sure")):
        if name not in evidence or not reasons:
            continue
        known = flag_names(evidence.dataset[name])
        codes = np.asarray(evidence.cells[name], np.int64)
        named = {code: words.called(word) for code, word in known.items()}
        told.facts[name] = some_of(codes, lambda code, named=named: named.get(code, ""))  # type: ignore[misc]
        shown = np.isin(codes, [c for c, word in known.items() if word != INTERCHANGEABLE[0]])
        told.say(words(key), {f"{{{name}}}": shown})
    if "exclusion_reasons" in evidence:
        none = words("why.no_rules")
        told.say(words("why.title.rules"), {"{rules}": rules != 0, none: rules == 0})
    _say_rivals(evidence, told, words)
    _say_zones(evidence, told, words)
    _say_supplies(evidence, told, words)
    return told


def _lead(
    evidence: Evidence, reasons: Sequence[Reason], rules: NDArray[np.int64], words: Words
) -> Line:
    """Why the plan uses no method, where it uses none."""
    none = np.ones(rules.shape, np.bool_)
    for reason in reasons:
        none &= reason.plan is None or ~(reason.plan.gross_t_yr > 0)
    cases = {}
    known = flag_names(evidence.dataset["winner"]) if "winner" in evidence else {}
    for code, word in known.items():
        here = none & (evidence.cells["winner"] == code)
        if word == "excluded":
            cases[words("why.excluded")] = here & (rules != 0)
        if word == NO_METHOD and not reasons:
            cases[words("why.no_methods")] = here
        elif word not in methods_of(evidence.dataset):
            cases[words.named("why.state", word)] = here
    return one_of("", {**cases, words("why.none"): none} if known else {})


def _say_zones(evidence: Evidence, told: Told, words: Words) -> None:
    """Zones that each cell lies in, and where what it needs would come from."""
    for name in sorted(evidence.cells):
        kind, _, what = name.partition("_")
        if kind not in {"pool", "zone"} or evidence.cells[name].ndim != 2:
            continue
        names = label_names(evidence.dataset[name])
        told.facts[name] = labelled(evidence.cells[name], names)
        some = evidence.cells[name] >= 0
        cases = {f"{{{name}}}": some}
        if what == "storage" and "transport_km" in evidence:
            by = "why.nearest_by" if "transport_mode" in evidence else "why.nearest"
            near = words(by, zone=f"{{{name}}}")
            cases = {near: some & np.isfinite(evidence.of("transport_km", 0)), **cases}
        title = words("why.zone", zone=what)
        if kind == "pool":
            key = f"why.pool.{what}" if words.has(f"why.pool.{what}") else "why.pool"
            title = words(key, what=words.heading(words.resource(what)))
        told.say(title, cases)
        if name == "pool_heat":
            _say_heat(evidence, told, words)


def _say_heat(evidence: Evidence, told: Told, words: Words) -> None:
    """What becomes of the heat that methods supply in the pool of each cell."""
    label, places = evidence.cells["pool_heat"], ("made", "used", "sold", "unused")
    for fate in places:
        values = evidence.at_label("pool_heat", fate, label)
        told.facts[f"heat_{fate}"] = amount(values, "kWh/yr", words)
    made = evidence.at_label("pool_heat", "made", label)
    filled = {fate: f"{{heat_{fate}}}" for fate in places}
    told.say(words("why.heat"), {words("why.heat_sold", **filled): made > 0})


def _say_supplies(evidence: Evidence, told: Told, words: Words) -> None:
    """What each cell is offered."""
    supplies = {}
    if "usable_land" in evidence and len(evidence.cells["usable_land"]):
        supplies["land"] = np.nan_to_num(evidence.cells["usable_land"]).max(axis=0), "m2"
    for name in sorted(evidence.cells):
        if name.startswith("supply_") and evidence.cells[name].ndim == 2:
            unit = str(evidence.dataset[name].attrs.get("units", ""))
            supplies[name.removeprefix("supply_")] = evidence.cells[name], unit
        elif name == "transport_mode":
            modes = label_names(evidence.dataset[name])
            by = [words.named("mode", mode) for mode in modes]
            told.facts[name] = labelled(evidence.cells[name], by)
        elif name in {"transport_km", "transport_cost"}:
            told.facts[name] = Fact(evidence.cells[name])
    for what, (values, unit) in supplies.items():
        told.facts[f"supply_{what}"] = amount(values, unit, words)
        title = words("why.supply", what=words.resource(what))
        told.say(title, {f"{{supply_{what}}}": np.isfinite(values)})
