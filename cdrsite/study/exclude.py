"""The stage of the exclusions: block by block, then contiguous areas over the whole grid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.engine.stages import stage
from cdrsite.siting.exclusions import RuleAreas, exclude_block, exclude_small_areas
from cdrsite.study.goal import zone_names
from cdrsite.study.prepare import Setting, open_layers, read_rules
from cdrsite.study.standingground import standing_plants

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.config.siting import ExcludeRule
    from cdrsite.core.grid import Block
    from cdrsite.core.reader import LayerReader
    from cdrsite.engine.arrays import ArrayStore
    from cdrsite.engine.passes import Workspace

REASONS = "exclusion_reasons"
"""Array of the reason bits of all cells."""


def left_name(setting: Setting, bits: tuple[int, ...]) -> str:
    """Array with the share of each cell that a group of exclusion rules leaves."""
    return f"left {setting.groups[bits]}"


@dataclass(frozen=True)
class ExcludeBlock:
    """Pass: exclusion rules that are functions of a block alone."""

    setting: Setting
    result: ArrayStore
    scratch: ArrayStore

    def __call__(self, block: Block) -> RuleAreas:
        """Write reasons and shares left; return the areas that each rule removes."""
        setting = self.setting
        inside = setting.area.inside(block)
        excluded = exclude_block(setting.book, setting.reader, block, inside)
        self.result.open(REASONS)[block.slices] = excluded.reasons
        for bits, left in excluded.available.items():
            if setting.standing is not None:
                setting.standing.keep_off(left, bits, block)
            self.scratch.open(left_name(setting, bits))[block.slices] = left
        return excluded.areas


def project_names(reader: LayerReader, rule: ExcludeRule) -> list[str]:
    """Names of the zones in which a rule merges areas, each once, in the order of the layer."""
    return list(dict.fromkeys(zone_names(reader, rule.merge_within or "", rule.merge_name)))


def merge_zones(reader: LayerReader, rule: ExcludeRule, block: Block) -> NDArray[np.int32]:
    """Zone of each cell of a block, by its centre; features of one name are one; -1 for none."""
    layer = rule.merge_within or ""
    known = {name: number for number, name in enumerate(project_names(reader, rule))}
    number = [known[name] for name in zone_names(reader, layer, rule.merge_name)]
    return np.array([*number, -1], np.int32)[reader.labels(layer, block)]


@stage("siting", after=(open_layers, read_rules, standing_plants))
def exclude(setting: Setting, space: Workspace) -> RuleAreas:
    """Apply all exclusion rules: block by block, then contiguity over the whole grid.

    Returns
    -------
    RuleAreas
        What each rule removes; reasons and shares left are in the workspace.
    """
    grid, areas = setting.area.grid, RuleAreas()
    contiguity = any(rule.model.smaller_than is not None for rule in setting.book.rules)
    if contiguity and space.journal is not None and not space.journal.parts("small areas"):
        space.journal.forget("exclusions")  # it may have been stopped in the middle of its changes
    reasons = space.result.create(REASONS, grid.shape, np.uint32)
    available = {
        bits: space.scratch.create(left_name(setting, bits), grid.shape, np.float32)
        for bits in setting.book.groups
    }
    task = ExcludeBlock(setting, space.result, space.scratch)
    for _, part in space.each("exclusions", task, setting.blocks, "exclusions"):
        areas.add(part)

    def small() -> RuleAreas:
        exclude_small_areas(
            setting.book, grid, setting.blocks, reasons, available, areas, space.threads,
            partial(merge_zones, setting.reader),
        )  # fmt: skip
        return areas

    return space.once("small areas", small) if contiguity else areas
