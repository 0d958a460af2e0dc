"""What is said of cells: sentences with places for facts, the same on a terminal and on the page.

A :class:`Line` says of each cell which sentence holds, a :class:`Fact` what stands in its places.
Sentences come from the word tables; who shows them (the explanation of a place, the script of the
map) fills in the facts and knows nothing more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.numbers import MISSING, THIN, number
from cdrsite.core.vocabulary import INTERCHANGEABLE, RESOURCES
from cdrsite.core.vocabulary import amount as units
from cdrsite.explain.cells import (
    AS_GOOD,
    CHARGES,
    NO_GAIN,
    NOTHING_FITS,
    TOO_MUCH,
    USED,
    USED_SHARE,
    EqualShare,
    Evidence,
    InPlan,
    Reason,
    methods_of,
    texts,
)
from cdrsite.outputs.legend import INCLUDED_BIT, OUTSIDE_BIT, flag_names, label_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.core.words import Words

    F64 = NDArray[np.float64]

Lines = tuple[tuple[str, str], ...]
"""What a line is about, and the line, in words."""
LEAST_CURE = 0.005
"""A charge of which less than this would have to be left is no cure [1]."""
MOST_CODES = 65_000
"""Codes of one array that a page holds."""
SAME_COST = 1e-4
"""Part of a cost by which it is told as another [1]."""
DEAREST = 2
"""Digits of prices and shortfalls."""


@dataclass(frozen=True)
class Fact:
    """What stands in a place of a sentence, for each cell: a number, or one of some texts.

    Attributes
    ----------
    values : ndarray, shape (rows, cols)
        Numbers, NaN for none; or positions in ``texts``, -1 for none.
    digits : int
        Significant digits of a number.
    unit : str
        Behind the number, with the space before it.
    texts : tuple of str, optional
        What the positions mean.
    parts : tuple of tuple of str
        What each of those texts is a list of.
    """

    values: NDArray[Any]
    digits: int = 3
    unit: str = ""
    texts: tuple[str, ...] | None = None
    parts: tuple[tuple[str, ...], ...] = ()

    def of_one(self) -> str:
        """The fact of the only cell, in words."""
        value = self.values.item()
        if self.texts is not None:
            return self.texts[int(value)] if 0 <= value < len(self.texts) else MISSING
        if not np.isfinite(value):
            return MISSING
        whole, power = significant(np.array([value], np.float64), self.digits)
        return number(float(f"{whole[0]}e{power[0]}"), self.digits) + self.unit


@dataclass(frozen=True)
class Line:
    """Which sentence holds in each cell.

    Attributes
    ----------
    title : str
        What the sentence is about.
    codes : ndarray of int, shape (rows, cols)
        0 for none, else 1 + position in ``sentences``.
    sentences : tuple of str
        With places for facts: ``{gross} t/yr``.
    """

    title: str
    codes: NDArray[Any]
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Told:
    """Facts and sentences of cells, for one method or whatever the method."""

    lead: Line
    facts: dict[str, Fact] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)

    def say(self, title: str, cases: Mapping[str, NDArray[np.bool_]]) -> None:
        """Add a line: of the sentences, the first that holds."""
        self.lines.append(one_of(title, cases))


def significant(values: F64, digits: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Whole numbers of so many digits and powers of ten: 0.01234 is 123 and -4.

    Numbers that are not finite, and 0, have both 0.
    """
    known = np.isfinite(values) & (values != 0)
    size = np.abs(np.where(known, values, 1.0))
    power = np.floor(np.log10(size)).astype(np.int64) - (digits - 1)
    whole = _over(size, power)
    carried = whole >= 10**digits  # 999.7 is 1.00e3, and a logarithm may be a hair off
    power = np.where(carried, power + 1, np.where(whole < 10 ** (digits - 1), power - 1, power))
    whole = np.where(values < 0, -_over(size, power), _over(size, power))
    return np.where(known, whole, 0), np.where(known, power, 0)


def _over(size: F64, power: NDArray[np.int64]) -> NDArray[np.int64]:
    """Size over a power of ten, rounded; powers of either sign are exact up to 22."""
    up, down = np.power(10.0, np.maximum(-power, 0)), np.power(10.0, np.maximum(power, 0))
    return np.rint(size * up / down).astype(np.int64)


def one_of(title: str, cases: Mapping[str, NDArray[np.bool_]]) -> Line:
    """A line with the first of some sentences that holds in each cell."""
    codes = np.select(list(cases.values()), range(1, len(cases) + 1), 0)
    return Line(title, codes.astype(np.uint8), tuple(cases))


def filled(sentence: str, fact: Callable[[str], str | None]) -> str:
    """A sentence with its places filled; one without a fact stays as it is."""

    def told(place: re.Match[str]) -> str:
        text = fact(place[1])
        return place[0] if text is None else text

    return re.sub(r"\{([^{}]+)\}", told, sentence)


def sentences_at(told: Told, lines: Sequence[Line], shared: Told) -> list[str]:
    """What lines say of the only cell."""
    facts = {**shared.facts, **told.facts}
    codes = [(line, int(line.codes.item())) for line in lines]
    return [
        filled(
            line.sentences[code - 1], lambda name: facts[name].of_one() if name in facts else None
        )
        for line, code in codes
        if code
    ]


def lines_at(told: Told, shared: Told, words: Words) -> Lines:
    """All that is said of the only cell: the sentences under each title."""
    titles = dict.fromkeys(line.title for line in told.lines)
    said = {
        title: sentences_at(told, [line for line in told.lines if line.title == title], shared)
        for title in titles
    }
    gap = words("sentence.gap")
    return tuple((title, gap.join(found)) for title, found in said.items() if found)


def listed(title: str, sentence: str, items: Mapping[str, F64], comma: str) -> Line:
    """A line with those items that a cell has: one sentence for each combination of them.

    Parameters
    ----------
    title : str
        Of the line.
    sentence : str
        With the place ``{items}``.
    items : mapping of str to ndarray
        Text -> values, which are NaN or 0 where the cell has none.
    comma : str
        Between items.
    """
    held = [np.isfinite(values) & (values != 0) for values in items.values()]
    bits = np.sum([one.astype(np.int64) << i for i, one in enumerate(held)], axis=0)
    kinds, codes = kinds_of(bits)
    sentences = tuple(
        sentence.replace(
            "{items}", comma.join(text for i, text in enumerate(items) if kind >> i & 1)
        )
        for kind in map(int, kinds)
        if kind
    )
    codes = codes + (kinds[0] != 0)
    return Line(title, codes.astype(np.uint16), sentences)


# ------------------------------------------------------------------------ names


def amount(values: NDArray[Any], unit: str, words: Words) -> Fact:
    """An amount in the unit in which people read it."""
    size, name = units("" if unit == "1" else unit).place
    return Fact(np.asarray(values, np.float64) / size, unit=f" {words.unit(name)}" if name else "")


def percent(share: F64) -> Fact:
    """A share of one in percent."""
    return Fact(100.0 * share, digits=2, unit=f"{THIN}%")


def name_of(word: str, words: Words) -> str:
    """A method, a resource or a state that a map's class stands for."""
    for kind in ("method", "map.limit", "map.state"):
        if words.has(f"{kind}.{word}"):
            return words.named(kind, word)
    return word


def kinds_of(values: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Whole numbers that occur, ascending, and the place of each value among them."""
    numbers = np.asarray(values, np.int64)
    low, high = (int(numbers.min()), int(numbers.max())) if numbers.size else (0, -1)
    if not 0 <= high - low < MOST_CODES:
        kinds, codes = np.unique(numbers, return_inverse=True)
        return kinds, codes.reshape(numbers.shape)
    present = np.bincount((numbers - low).reshape(-1)) > 0  # no sort: they lie close together
    return np.flatnonzero(present) + low, (np.cumsum(present) - 1)[numbers - low]


def some_of(values: NDArray[Any], known: Callable[[int], str]) -> Fact:
    """Texts of those codes that occur, from 0 on; -1 has none."""
    kinds, codes = kinds_of(values)
    gone = int((kinds < 0).sum())
    return Fact(codes - gone, texts=tuple(known(int(kind)) for kind in kinds[gone:]))


def labelled(labels: NDArray[Any], names: Sequence[str]) -> Fact:
    """Names of the labels of zones."""
    return some_of(labels, lambda code: names[code] if code < len(names) else str(code))


def _rules(evidence: Evidence, method: str | None, words: Words) -> Fact:
    """Rules that hit each cell, of those that hold for a method."""
    attrs = evidence.dataset.attrs
    bits = np.asarray(evidence.cells["exclusion_reasons"], np.int64)
    bits = np.where(bits >> OUTSIDE_BIT & 1, 0, bits)
    names = texts(attrs.get("exclusion_rules", ()))
    for bit, who in enumerate(texts(attrs.get("exclusion_rules_for", ()))):
        if method is not None and method not in who.split(", "):
            bits &= ~(1 << bit)

    def hit(kind: int) -> tuple[str, ...]:
        some = [bit for bit in range(INCLUDED_BIT) if kind >> bit & 1]
        found = [names[bit] if bit < len(names) else words("why.rule", n=bit) for bit in some]
        return (*found, *[words("why.included")] * (kind >> INCLUDED_BIT & 1))

    fact = some_of(bits, lambda kind: words("why.between").join(hit(kind)))
    return replace(fact, parts=tuple(hit(int(kind)) for kind in kinds_of(bits)[0]))


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
    if "exclusion_reasons" in evidence:
        told.facts["rules"] = _rules(evidence, method, words)
    told.lines.append(_state(evidence, reason, told, words))
    if plan is not None:
        _say_plan(evidence, plan, told, words)
        _say_costs(evidence, plan, told, words)
    _say_equal_share(evidence, reason, told, words)
    return told


def _state(evidence: Evidence, reason: Reason, told: Told, words: Words) -> Line:
    """Why a method is not possible, where it is not."""
    cases = {}
    for code, word in flag_names(evidence.dataset["limit"]).items():
        here = (reason.limit == code) & ~reason.possible
        if word == "excluded" and "rules" in told.facts:
            rules = told.facts["rules"]
            hit = np.isin(rules.values, [i for i, text in enumerate(rules.texts or ()) if text])
            cases[words("why.excluded")] = here & hit
        said = words.named("why.state", word)
        cases[said] = here
    return one_of(words("why.title.state"), cases)


def _say_plan(evidence: Evidence, plan: InPlan, told: Told, words: Words) -> None:
    """Verdict, what a gross tonne pays for, and what would have to change."""
    title, verdict = words("why.title.plan"), plan.verdict
    goal = str(evidence.dataset.attrs.get("objective_unit", "t/yr")).removesuffix("/yr")
    unit = f" {words.named('map.goal', goal)}"
    with np.errstate(divide="ignore", invalid="ignore"):
        less, share = plan.shortfall / plan.charge, plan.gross_t_yr / plan.most_t_yr
    told.facts.update(
        {
            "gross": Fact(plan.gross_t_yr),
            "share": percent(share),
            "worth": Fact(plan.worth, unit=unit),
            "what": _charged(evidence, plan, words),
            "charge": Fact(plan.charge, DEAREST, unit),
            "short": Fact(np.where(verdict == TOO_MUCH, plan.shortfall, np.nan), DEAREST, unit),
            "less": percent(np.where(verdict == TOO_MUCH, less, np.nan)),
        }
    )
    verdicts = {
        words("why.used_share"): verdict == USED_SHARE,
        words("why.used"): verdict == USED,
        words("why.short"): verdict == TOO_MUCH,
        words("why.no_gain"): verdict == NO_GAIN,
        words("why.as_good"): verdict == AS_GOOD,
        words("why.nothing_fits"): verdict == NOTHING_FITS,
    }
    told.say(title, verdicts)
    pays = np.isin(verdict, (USED, USED_SHARE, TOO_MUCH, AS_GOOD)) & np.isfinite(plan.worth)
    told.say(title, {words("why.pays"): pays & (plan.dearest > 0), words("why.worth"): pays})
    dear = verdict == TOO_MUCH
    cures = {
        words("why.cure"): dear & (1.0 - np.nan_to_num(less, nan=np.inf) > LEAST_CURE),
        words("why.cure_none"): dear & (plan.dearest > 0),
        words("why.cure_worth"): dear,
    }
    told.say(title, cures)


def _say_costs(evidence: Evidence, plan: InPlan, told: Told, words: Words) -> None:
    """What a net tonne costs and of what that is made up, the way to storage, and the needs."""
    title, comma = words("why.title.cost"), words("list.comma")
    known = np.isfinite(plan.cost_usd_per_net_t)
    told.facts["plan_cost"] = Fact(plan.cost_usd_per_net_t)
    told.say(title, {words("why.cost"): known & (plan.sink >= 0), words("why.cost_here"): known})
    names = {part: words.named("why.part", part) for part in plan.parts_usd_per_net_t}
    parts = _items(told, "part", plan.parts_usd_per_net_t, names, words)
    told.lines.append(listed(title, words("why.parts"), parts, comma))
    _say_way(evidence, plan, told, words)
    nouns = {name: words.named("map.limit", name) for name in plan.needs}
    needs = _items(told, "need", plan.needs, nouns, words)
    told.lines.append(listed(words("why.title.needs"), words("why.needs"), needs, comma))


def _items(
    told: Told, kind: str, values: Mapping[str, F64], names: Mapping[str, str], words: Words
) -> dict[str, F64]:
    """Items of a list, each with a place for its fact, which is added."""
    found = {}
    for name, one in values.items():
        unit = f" {words.unit(RESOURCES[name].per)}" if kind == "need" else ""
        told.facts[f"{kind}_{name}"] = Fact(one, unit=unit)
        found[words("why.item", what=names[name], amount=f"{{{kind}_{name}}}")] = one
    return found


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
        names = label_names(evidence.dataset[f"pool_{what}"]) if label >= 0 else []
        kind = words.named("map.limit", what)
        return (
            words("why.of", what=kind, zone=names[label])
            if label < len(names) and label >= 0
            else kind
        )

    return some_of(codes, said)


def _say_way(evidence: Evidence, plan: InPlan, told: Told, words: Words) -> None:
    """To which storage unit its CO2 goes or would go."""
    if "pool_storage" not in evidence:
        return
    names = label_names(evidence.dataset["pool_storage"])
    told.facts["sink"] = labelled(plan.sink, names)
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


def _say_equal_share(evidence: Evidence, reason: Reason, told: Told, words: Words) -> None:
    """What a method could do with an equal share of the pools, and what limits it."""
    title, equal = words("why.title.equal_share"), reason.equal
    net = equal.net_t_yr / np.where(equal.gross_t_yr > 0, equal.gross_t_yr, np.nan)
    other = np.isfinite(equal.cost_usd_per_net_t)
    if reason.plan is not None:  # to another storage unit than the plan's
        other &= ~np.isclose(
            equal.cost_usd_per_net_t, reason.plan.cost_usd_per_net_t, SAME_COST, 0.0
        )
    told.facts.update(
        {
            "equal_gross": Fact(equal.gross_t_yr),
            "net_factor": Fact(net),
            "equal_cost": Fact(equal.cost_usd_per_net_t),
            "equal_need": Fact(equal.need_per_t),
            "available": percent(equal.available_share),
            "suitability": Fact(equal.suitability, digits=2),
        }
    )
    shares = reason.possible & np.isfinite(net)
    told.say(
        title, {words("why.equal_share"): shares, words("why.equal_share_none"): reason.possible}
    )
    told.say(title, {words("why.equal_share_cost"): other})
    told.say(title, _limits(evidence, reason.limit, equal, words))
    told.say(title, {words("why.suits"): np.isfinite(equal.available_share)})


def _limits(
    evidence: Evidence, limit: NDArray[np.uint8], equal: EqualShare, words: Words
) -> dict[str, NDArray[np.bool_]]:
    """What limits a method, by resource."""
    cases: dict[str, NDArray[np.bool_]] = {}
    for code, name in flag_names(evidence.dataset["limit"]).items():
        if name not in RESOURCES:
            continue
        here, what = limit == code, words.named("map.limit", name)
        if f"supply_{name}" in evidence:
            unit = words.unit(RESOURCES[name].per)
            offered = f"{{supply_{name}}}"
            need = words(
                "why.limit_need", what=what, offered=offered, need=f"{{equal_need}} {unit}"
            )
            cases[need] = here & np.isfinite(equal.need_per_t)
            cases[words("why.limit_offered", what=what, offered=offered)] = here & np.isfinite(
                equal.offered
            )
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
    told = Told(_lead(evidence, reasons, words))
    if "exclusion_reasons" in evidence:
        told.facts["rules"] = _rules(evidence, None, words)
    for name, key in (("binding", "why.title.binding"), ("interchangeable", "why.title.sure")):
        if name not in evidence:
            continue
        known = flag_names(evidence.dataset[name])
        codes = np.asarray(evidence.cells[name], np.int64)
        named = {code: name_of(word, words) for code, word in known.items()}
        told.facts[name] = some_of(codes, lambda code, named=named: named.get(code, ""))  # type: ignore[misc]
        shown = np.isin(codes, [c for c, word in known.items() if word != INTERCHANGEABLE[0]])
        told.say(words(key), {f"{{{name}}}": shown})
    if "rules" in told.facts:
        rules = told.facts["rules"]
        hit = np.isin(rules.values, [i for i, text in enumerate(rules.texts or ()) if text])
        told.say(words("why.title.rules"), {"{rules}": hit, words("why.no_rules"): ~hit})
    _say_zones(evidence, told, words)
    _say_supplies(evidence, told, words)
    return told


def _lead(evidence: Evidence, reasons: Sequence[Reason], words: Words) -> Line:
    """Why the plan uses no method, where it uses none."""
    if "winner" not in evidence:
        return one_of("", {})
    plans = [reason.plan for reason in reasons if reason.plan is not None]
    none = ~np.logical_or.reduce([np.nan_to_num(plan.gross_t_yr) > 0 for plan in plans])
    cases = {}
    for code, word in flag_names(evidence.dataset["winner"]).items():
        here = none & (evidence.cells["winner"] == code)
        if word == "excluded" and "exclusion_reasons" in evidence:
            cases[words("why.excluded")] = here & (evidence.cells["exclusion_reasons"] != 0)
        if word not in methods_of(evidence.dataset):
            cases[words.named("why.state", word)] = here
    return one_of("", {**cases, words("why.none"): none})


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
            near = words("why.nearest", zone=f"{{{name}}}")
            cases = {near: some & np.isfinite(evidence.of("transport_km", 0)), **cases}
        title = words.named("why.pool", what) if kind == "pool" else words("why.zone", zone=what)
        told.say(title, cases)


def _say_supplies(evidence: Evidence, told: Told, words: Words) -> None:
    """What each cell is offered."""
    supplies = {"land": (np.full((1, 1), np.nan), "km2")}
    if "usable_land" in evidence:
        land = np.nan_to_num(evidence.cells["usable_land"]).max(axis=0) / 1e6
        supplies["land"] = land.astype(np.float64), "km2"
    for name in sorted(evidence.cells):
        if name.startswith("supply_") and evidence.cells[name].ndim == 2:
            unit = str(evidence.dataset[name].attrs.get("units", ""))
            supplies[name.removeprefix("supply_")] = evidence.of(name, 0), unit
        elif name in {"transport_km", "transport_cost"}:
            told.facts[name] = Fact(evidence.of(name, 0))
    for what, (values, unit) in supplies.items():
        fact = told.facts[f"supply_{what}"] = amount(values, unit, words)
        title = words("why.supply", what=words.named("map.limit", what))
        if np.isfinite(fact.values).any():
            told.say(title, {f"{{supply_{what}}}": np.isfinite(fact.values)})
