"""What a run over milestones says at its end: a line for each year."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cdrsite.core.numbers import number
from cdrsite.core.vocabulary import price_in_words, sized
from cdrsite.core.words import Words

MOST_NAMED = 3
"""Rows that bind in a year, by name; more are counted."""


def path_lines(path: Mapping[str, Any], words: Words) -> list[tuple[str, str]]:
    """A line for each milestone: what is removed, asked for and missed, at what price; what binds.

    Parameters
    ----------
    path : mapping
        ``pathway`` of a run's summary; empty for a plan of one year.
    words : Words
        Language.

    Returns
    -------
    list of (str, str)
        Year and text; the last ones say what the path costs, and what binds over all years.
    """
    if not path:
        return []
    lines = [(str(year), _year(path, t, year, words)) for t, year in enumerate(path["years"])]
    lines += [(name, text) for name, text in _stands(path, words)]
    lines += [(words("end.path.all"), text) for text in _money(path, words)]
    over_life = [one for one in path["binding"] if not one["year"]]
    if over_life:
        lines.append((words("end.path.life"), _binding(over_life, words)))
    return lines


def _money(path: Mapping[str, Any], words: Words) -> list[str]:
    """What all years cost: the whole plan, and apart from it what methods and emitters cost."""
    facts = {
        name: number(path[key])
        for name, key in (
            ("total", "present_cost_musd"),
            ("each", "levelised_usd_t"),
            ("emitters", "present_cost_of_emitters_musd"),
            ("all", "present_cost_of_all_musd"),
        )
        if path.get(key) is not None
    }
    facts["year"] = path["years"][0]
    if "emitters" in facts:
        key = "end.path.cost.all" if "each" in facts else "end.path.cost.emitters"
        told = [words(key, **facts)]
    else:
        told = [words("end.path.cost", **facts)] if "each" in facts else []
    if told and path["present_price_of_missed_musd"] > 0:
        missed = number(path["present_price_of_missed_musd"])
        told[0] += words("end.path.join") + words("end.path.cost.missed", missed=missed)
    return told


def _stands(path: Mapping[str, Any], words: Words) -> list[tuple[str, str]]:
    """Flow, stock and durable equivalent of each method at the last milestone."""
    found = []
    for name, numbers in path["methods"].items():
        net, held, durable = (numbers[key][-1] for key in ("net_mt_yr", "held_mt", "durable_mt_yr"))
        if held > 0:
            facts = {"net": number(net), "held": number(held), "durable": number(durable)}
            stands = words("end.path.stands", year=path["years"][-1], **facts)
            found.append((words.typed(name), stands))
    return found


def _year(path: Mapping[str, Any], t: int, year: int, words: Words) -> str:
    """What happens at one milestone."""
    net = number(path["net_mt_yr"][t])
    if "removal_mt_yr" in path:
        facts = {"all": number(path["removal_mt_yr"][t]), "methods": net}
        facts["emitters"] = number(path["net_of_emitters_mt_yr"][t])
        parts = [words("end.path.removal", **facts)]
        if avoided := path["avoided_mt_yr"][t]:
            parts.append(words("end.path.avoided", n=number(avoided)))
    else:
        parts = [words("end.path.net", net=net)]
    for one in path["reached"]:
        if one["year"] != year:
            continue
        scale, unit = price_in_words(one["price_unit"], words)
        held = one["sense"] == "<="
        facts = {
            "ledger": words.named("end.path.ledger", one["ledger"]),
            "target": sized(one["target"], one["unit"]),
            "price": number(one["price"] * scale),
            "unit": unit,
            "missed": sized(one["missed"], one["unit"]),
        }
        used_up = "spent" if held else "asked"
        key = "missed" if one["missed"] > 0 else used_up if one["price"] else "exceeded"
        parts.append(words(f"end.path.{key}", **facts))
    binding = [one for one in path["binding"] if str(one["year"]) == str(year)]
    if binding:
        parts.append(words("end.path.binds", what=_binding(binding, words)))
    return words("end.path.join").join(parts)


def _binding(rows: list[Mapping[str, Any]], words: Words) -> str:
    """Names of rows that bind, those of most worth per unit first within each family."""
    named = [
        one["zone"]
        if one["family"] == "policy"
        else f"{words.resource(one['family'])} {words.zone(one['zone'])}"
        for one in rows
    ]
    text = words("list.comma").join(named[:MOST_NAMED])
    more = len(named) - MOST_NAMED
    return words("list.more", names=text, n=more) if more > 0 else text
