"""Hard rules: how much of each cell is left for each method, and which rules hit it.

Inside a cell the areas that two rules remove are taken to overlap independently: what is left is
the product of what each rule leaves. With whole-cell rules that is exact, it never adds area when
a rule is added, and it needs no sub-cell geometry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.config.siting import ExcludeRule
from cdrsite.core.errors import ConfigError
from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.core.plaindata import recorded
from cdrsite.core.states import OUTSIDE_BIT
from cdrsite.core.threads import in_order
from cdrsite.core.words import LANGUAGES, Words
from cdrsite.siting._kernel import remove, removed_areas
from cdrsite.siting.gates import BoundGate
from cdrsite.siting.patches import GRAINS, Zoned, ZoneProjects, label_patches, small_patches
from cdrsite.siting.rules import describe_rule, known_share, rule_share

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.core.reader import LayerReader
    from cdrsite.engine.arrays import CellArray

ZonesOf = Callable[[ExcludeRule, Block], "NDArray[np.int32]"]
"""Zone of each cell of a block by a rule that merges areas of one zone; -1 for none."""
MAX_RULES = 30
"""Reason bits 0 to 29; bit 30 marks forced inclusion, bit 31 the outside of the region."""
INCLUDED_BIT = np.uint32(1 << 30)


@dataclass(frozen=True)
class ExclusionRule:
    """An exclusion rule with its bit and the methods it holds for.

    Attributes
    ----------
    model : ExcludeRule
        Its test.
    bit : int
        Its bit of the reasons.
    name : str
        In words.
    methods : tuple of str
        Whom it holds for.
    source : str
        Ids of the sources that ask for it; empty for a rule of the scenario.
    said : mapping
        Language -> its name, where it is not one of the scenario.
    """

    model: ExcludeRule
    bit: int
    name: str
    methods: tuple[str, ...]
    source: str = ""
    said: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RuleBook:
    """All rules of a study; methods with the same rules share one group.

    Attributes
    ----------
    rules : tuple of ExclusionRule
        In bit order; the contiguity rules are last because they look at what is left.
    includes : tuple of ExcludeRule
        Rules that allow a place again.
    groups : dict
        Tuple of bits -> names of the methods that these rules hold for.
    """

    rules: tuple[ExclusionRule, ...]
    includes: tuple[ExcludeRule, ...]
    groups: dict[tuple[int, ...], tuple[str, ...]]

    def group_of(self, method: str) -> tuple[int, ...]:
        """Bits of the rules that hold for a method."""
        return next(bits for bits, methods in self.groups.items() if method in methods)


def rule_book(
    rules: Sequence[ExcludeRule],
    includes: Sequence[ExcludeRule],
    confined: Mapping[str, Sequence[str]],
    gates: Sequence[BoundGate] = (),
) -> RuleBook:
    """Number the rules and group the methods that share them.

    Parameters
    ----------
    rules, includes : sequence of ExcludeRule
        From the scenario; rules for methods that it does not have are left out.
    confined : mapping
        Method -> vector layers it is confined to (empty: everywhere).
    gates : sequence of BoundGate
        Hard ones exclude for their methods; the same one of several methods is one rule.

    Raises
    ------
    ConfigError
        More rules than there are reason bits.
    """
    methods = tuple(confined)
    found: list[ExclusionRule] = []
    for rule in rules:
        holders = tuple(m for m in methods if not rule.for_ or m in rule.for_)
        if holders:
            found.append(_numberless(rule, holders))
    for layers in sorted({tuple(v) for v in confined.values() if v}):
        holders = tuple(m for m in methods if tuple(confined[m]) == layers)
        for layer in layers:
            outside = ExcludeRule(layer=layer, farther_than=0.0)
            said = {lang: Words(lang)("excludes.outside", what=layer) for lang in LANGUAGES}
            found.append(ExclusionRule(outside, -1, said["en"], holders, said=said))
    found += _of_gates(gates)
    if len(found) > MAX_RULES:
        raise ConfigError(
            "too many exclusion rules", got=len(found), expected=f"at most {MAX_RULES}"
        )
    found.sort(key=lambda one: one.model.test == "contiguity")
    numbered = tuple(replace(one, bit=bit) for bit, one in enumerate(found))
    groups: dict[tuple[int, ...], tuple[str, ...]] = {}
    for method in methods:
        bits = tuple(rule.bit for rule in numbered if method in rule.methods)
        groups[bits] = (*groups.get(bits, ()), method)
    return RuleBook(numbered, tuple(includes), groups)


def _numberless(rule: ExcludeRule, methods: tuple[str, ...]) -> ExclusionRule:
    """A rule of the scenario, in words of its own or the program's."""
    said = {} if rule.name else {lang: describe_rule(rule, Words(lang)) for lang in LANGUAGES}
    return ExclusionRule(rule, -1, describe_rule(rule), methods, said=said)


def _of_gates(gates: Sequence[BoundGate]) -> list[ExclusionRule]:
    """Rules of the hard gates, each once, with the methods that have it and who asks for it."""
    holders: dict[ExcludeRule, list[BoundGate]] = {}
    for gate in gates:
        if gate.rule is not None and gate.strength == "hard":
            holders.setdefault(gate.rule, []).append(gate)
    found = []
    for rule, mine in holders.items():
        sources = ", ".join(dict.fromkeys(gate.source for gate in mine if gate.source))
        who = tuple(gate.method for gate in mine)
        found.append(ExclusionRule(rule, -1, describe_rule(rule), who, sources, mine[0].said))
    return found


@recorded
@dataclass
class RuleAreas:
    """Area that each rule removes and area that only it removes, per group of methods [m2].

    Attributes
    ----------
    total, only : dict
        Group of rules -> area of each of its rules [m2].
    projects : dict
        Bit of a rule that merges areas, with the group of rules -> by zone, its number, areas that
        stand alone and their area [m2], areas that are too small and theirs, and whether these are
        merged to a project; shape (zones, 6).
    """

    total: dict[tuple[int, ...], NDArray[np.float64]] = field(default_factory=dict)
    only: dict[tuple[int, ...], NDArray[np.float64]] = field(default_factory=dict)
    projects: dict[tuple[int, ...], NDArray[np.float64]] = field(default_factory=dict)

    def add(self, other: RuleAreas) -> None:
        """Add the areas of another block."""
        for mine, theirs in ((self.total, other.total), (self.only, other.only)):
            for bits, values in theirs.items():
                mine[bits] = mine.get(bits, 0.0) + values


@dataclass(frozen=True)
class Excluded:
    """What the rules leave in a block.

    Attributes
    ----------
    reasons : ndarray of uint32, shape (rows, cols)
        One bit per rule that hit the cell; OUTSIDE_BIT and INCLUDED_BIT besides.
    available : dict
        Group of rules -> share of each cell that is left, float32 in [0, 1].
    areas : RuleAreas
        Sums over the block's cells inside the region.
    """

    reasons: NDArray[np.uint32]
    available: dict[tuple[int, ...], NDArray[np.float32]]
    areas: RuleAreas


def exclude_block(
    book: RuleBook, reader: LayerReader, block: Block, inside: NDArray[np.bool_]
) -> Excluded:
    """Apply every rule that is a function of the block alone.

    Parameters
    ----------
    book : RuleBook
        The numbered rules; contiguity rules are skipped (:func:`exclude_small_areas`).
    reader : LayerReader
        The layers.
    block : Block
        Which cells.
    inside : ndarray of bool, shape (rows, cols)
        Cells of the region.
    """
    reasons = np.where(inside, np.uint32(0), np.uint32(OUTSIDE_BIT))
    local = [rule for rule in book.rules if rule.model.test != "contiguity"]
    fractions = np.zeros((len(local), inside.size), np.float32)
    for i, rule in enumerate(local):
        share = _share_hit(rule.model, reader, block) * np.float32(1 - rule.model.usable)
        fractions[i] = share.ravel()
        remove(fractions[i], np.uint32(1 << rule.bit), inside.ravel(), reasons.ravel())
    forced = np.zeros(inside.shape, np.float32)
    for include in book.includes:
        forced = forced + (np.float32(1) - forced) * _share_hit(include, reader, block)
    reasons[(forced > 0) & inside] |= INCLUDED_BIT
    # a copy, as a view of one cell cannot be written to, which makes it another kernel's argument
    areas = np.array(np.broadcast_to(reader.grid.block_areas(block), inside.shape)).ravel()
    sums = RuleAreas()
    available: dict[tuple[int, ...], NDArray[np.float32]] = {}
    for bits in book.groups:
        mine = [i for i, rule in enumerate(local) if rule.bit in bits]
        chosen = np.ascontiguousarray(fractions[mine])
        left = np.prod(np.float32(1) - chosen, axis=0, dtype=np.float32).reshape(inside.shape)
        left = left + (np.float32(1) - left) * forced
        available[bits] = np.where(inside, left, np.float32(0))
        total, only = np.zeros(len(bits)), np.zeros(len(bits))
        removed_areas(chosen, inside.ravel(), areas, total[: len(mine)], only[: len(mine)])
        sums.total[bits], sums.only[bits] = total, only
    return Excluded(reasons, available, sums)


def _share_hit(rule: ExcludeRule, reader: LayerReader, block: Block) -> NDArray[np.float32]:
    return np.clip(known_share(rule, rule_share(rule, reader, block)), 0, 1)


def exclude_small_areas(
    book: RuleBook,
    grid: AnalysisGrid,
    blocks: Sequence[Block],
    reasons: CellArray,
    available: Mapping[tuple[int, ...], CellArray],
    areas: RuleAreas,
    threads: int = 1,
    zones: ZonesOf | None = None,
) -> None:
    """Remove contiguous allowed areas that are too small; the arrays are changed in place.

    Contiguity counts 8 neighbours (queen) or, if the rule says so, 4 (rook), over cells with
    anything left; the area of a patch is the available area in it. A patch may run across blocks,
    and is the same whatever they are.

    Parameters
    ----------
    book : RuleBook
        Rules; only those by contiguity act here.
    grid : AnalysisGrid
        The grid of the arrays.
    blocks : sequence of Block
        They cut the grid into rows and columns of blocks, row-major.
    reasons : CellArray of uint32, shape (rows, cols)
        Reason bits of all cells.
    available : mapping
        Group of rules -> share left in each cell.
    areas : RuleAreas
        Gets the areas that these rules remove; what they remove only they remove, because they
        act on what the others left.
    threads : int
        Blocks worked on at once; no effect on the result (rule 9).
    zones : callable, optional
        Zone of each cell of a block, for a rule that merges areas of one zone; -1 for none.
    """
    for rule in book.rules:
        if rule.model.smaller_than is None:
            continue
        for bits, left in available.items():
            if rule.bit not in bits:
                continue
            near, least = rule.model.neighbours, rule.model.smaller_than
            merged = rule.model.merge_within is not None and zones is not None
            zoned = partial(zones, rule.model) if merged and zones is not None else None
            small, projects = small_patches(left, grid, blocks, least, threads, near, zoned)
            if projects:
                areas.projects[(rule.bit, *bits)] = _by_zone(projects, least)
            bit, position = np.uint32(1 << rule.bit), bits.index(rule.bit)
            task = partial(_remove_small, grid, reasons, left, small, bit, near, zoned)
            for removed in in_order(task, blocks, threads):
                areas.total[bits][position] += removed
                areas.only[bits][position] += removed


def _by_zone(projects: Mapping[int, ZoneProjects], least: float) -> NDArray[np.float64]:
    """Rows of :attr:`RuleAreas.projects`."""
    limit = np.rint(least * GRAINS)
    rows = [
        (
            *(zone, one.alone, one.alone_area / GRAINS, one.small, one.small_area / GRAINS),
            float(one.merges(limit)),
        )
        for zone, one in projects.items()
    ]
    return np.array(rows, np.float64)


def _remove_small(
    grid: AnalysisGrid,
    all_reasons: CellArray,
    all_left: CellArray,
    small: Mapping[Block, NDArray[np.bool_]],
    bit: np.uint32,
    neighbours: int,
    zoned: Zoned | None,
    block: Block,
) -> float:
    """Take the small patches out of a block; gives the area that is removed [m2]."""
    if not small[block].any():
        return 0.0
    left, reasons = np.array(all_left[block.slices]), np.array(all_reasons[block.slices])
    zone = None if zoned is None else zoned(block)
    gone = small[block][label_patches(left, neighbours, zone)[0]]
    gone &= (reasons & INCLUDED_BIT) == 0  # forced inclusion holds whatever excluded it
    removed = float((left * grid.row_areas[block.row0 : block.row1, None])[gone].sum())
    left[gone] = 0.0
    reasons[gone] |= bit
    all_left[block.slices], all_reasons[block.slices] = left, reasons
    return removed


def outside_of(reasons: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Cells outside the region, from their exclusion reasons."""
    return (reasons & np.uint32(OUTSIDE_BIT)) != 0
