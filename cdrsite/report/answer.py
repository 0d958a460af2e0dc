"""The first screen: how much, at what cost, what binds, what one more unit buys, how sure."""

from __future__ import annotations

from typing import Any

from cdrsite.core.numbers import THIN
from cdrsite.core.vocabulary import priced
from cdrsite.network.plants import NOT_BUILT, SMALL_PART
from cdrsite.report.frame import Frame, bar, details, paragraph, quoted, real
from cdrsite.report.html import table, tag, text
from cdrsite.report.shared import Pool, families_of, pools_of
from cdrsite.report.years import path_figures

MAX_RULES = 4
"""Rules of policy whose price stands on the first screen."""

GOALS = {"net removal": "net", "cost": "cost", "value": "value"}
"""Name of an objective -> key of its words."""


def answer(frame: Frame) -> str:
    """The answer in plain words, with the plan by method beside it."""
    if not frame.run.methods:
        return of_network(frame)
    pools = pools_of(frame)
    head = tag("h2", frame.say("answer.title"), id="answer-title", class_="unseen")
    left = tag("div", by_method(frame), how_sure(frame))
    right = tag("div", what_binds(frame, pools), one_more(frame, pools))
    body = tag("div", left, right, class_="pair")
    return tag(
        "section",
        head,
        figures(frame),
        lead(frame),
        taken_for_granted(frame),
        body,
        method_details(frame),
        id="answer",
        aria_labelledby="answer-title",
    )


def of_network(frame: Frame) -> str:
    """The answer of a study of emitters and their network alone."""
    parts = [tag("h2", frame.say("answer.title"), id="answer-title", class_="unseen")]
    cells = [
        ("network/stored_mt_yr", "Mt/yr", "figure.stored"),
        ("network/cost_musd_yr", "MUSD/yr", "figure.cost"),
        ("network/all_usd_t", "USD/t", "figure.stored.mean"),
    ]
    parts.append(headline(frame, [cell for cell in cells if frame.at(cell[0]) is not None]))
    parts += [paragraph(frame.say("lead.network"), kind="lead"), how_sure(frame)]
    return tag("section", *parts, id="answer", aria_labelledby="answer-title")


# --------------------------------------------------------------------- how much


def figures(frame: Frame) -> str:
    """The headline numbers; what can be built stands beside the total where it is less."""
    over_years = path_figures(frame)
    if over_years:
        return headline(frame, over_years)
    cells = [("net_mt_yr", "Mt/yr", "figure.net")]
    if unbuildable(frame) > 0:
        cells.append(("buildable/net_mt_yr", "Mt/yr", "figure.buildable"))
    cells += (
        ("cost_musd_yr", "MUSD/yr", "figure.cost"),
        ("mean_cost_usd_t", "USD/t", "figure.mean"),
    )
    return headline(frame, cells)


def headline(frame: Frame, cells: list[tuple[str, str, str]]) -> str:
    """Headline numbers: key, unit and words of each."""
    year = frame.year("base_year")
    shown = [
        frame.figure(key, unit, label, year=year, under=_sampled_range(frame, key))
        for key, unit, label in cells
    ]
    return tag("dl", *shown, class_="figures")


def _sampled_range(frame: Frame, quantity: str) -> str:
    """Range of a headline number over the samples; empty where there are none."""
    for i, row in enumerate(frame.at("uncertainty/ranges") or ()):
        if not row["method"] and row["quantity"] == quantity:
            at = f"uncertainty/ranges/{i}"
            ends = {"low": frame.value(f"{at}/p05"), "high": frame.value(f"{at}/p95")}
            return frame.say("figure.sampled", **ends)
    return ""


def unbuildable(frame: Frame) -> float:
    """Net removal of the plan that is in no plant though it needs one [Mt/yr]; 0 if little."""
    net, built = (real(frame.at(key)) for key in ("net_mt_yr", "buildable/net_mt_yr"))
    return net - built if net - built > SMALL_PART * net else 0.0


def lead(frame: Frame) -> str:
    """What kind of answer it is, in one or two sentences."""
    goal = frame.run.scenario.get("objective") or {}
    net = real(frame.at("net_mt_yr"))
    if not net > 0:
        return paragraph(frame.say("lead.nothing"), kind="lead")
    kind = goal.get("minimise") or goal.get("maximise") or "net_removal"
    first = {
        "net_removal": frame.say("lead.net"),
        "value": frame.say("lead.value", value=frame.value("objective/value", 1e-6)),
        "cost": frame.say("lead.cost"),
    }.get(str(kind), "")
    parts = [first]
    for name in ("target", "budget"):
        if goal.get(name) is not None:
            limit = text(frame.words.number(real(goal[name]) * 1e-6))
            parts.append(frame.say(f"lead.{name}", limit=limit))
    if goal.get("then") is not None:
        parts.append(frame.say(f"lead.then.{goal['then']}"))
    if frame.at("pathway"):
        way = tag("a", frame.say("years.title"), href="#years")
        last = len(frame.at("pathway/years")) - 1
        parts.append(frame.say("years.lead", year=frame.year(f"pathway/years/{last}"), way=way))
    if unbuildable(frame) > 0:
        shown = frame.value("+".join(f"buildable/{reason}_net_mt_yr" for reason in NOT_BUILT))
        parts.append(frame.say("lead.buildable", lost=shown))
    return paragraph(frame.words("sentence.gap").join(parts), kind="lead")


def taken_for_granted(frame: Frame) -> str:
    """What the answer rests on that nobody limited, and profiles with more plausible numbers."""
    lines = []
    free = frame.run.summary.get("without_limit") or {}
    if free:
        named = [_free(frame, name, facts) for name, facts in free.items()]
        lines.append(frame.say("granted.free", what=frame.words("list.clause").join(named)))
    for name, better in (frame.run.summary.get("alternatives") or {}).items():
        at = f"alternatives/{quoted(name)}/changes"
        changes = [
            frame.say(
                "granted.change",
                what=text(frame.words.resource(resource)),
                before=frame.value(f"{at}/{resource}/from"),
                after=frame.value(f"{at}/{resource}/to"),
                unit=frame.unit(change["unit"]),
            )
            for resource, change in better["changes"].items()
        ]
        lines.append(
            frame.say(
                "granted.alternative",
                method=text(frame.words.method(name)),
                profile=tag("code", text(better["profile"])),
                setting=tag("code", text(f"methods.{name}.profile: {better['alternative']}")),
                changes=frame.words("list.clause").join(changes),
            )
        )
    return "".join(paragraph(line, kind="granted") for line in lines)


def _free(frame: Frame, name: str, facts: dict[str, Any]) -> str:
    """A resource without limit, with what it emits or costs."""
    at, resource = f"without_limit/{quoted(name)}", text(frame.words.resource(name))
    if "intensity_g_kwh" in facts:
        return frame.say("granted.emits", what=resource, value=frame.value(f"{at}/intensity_g_kwh"))
    if "cost_usd_t" in facts:
        cost, transport = (frame.value(f"{at}/{key}_usd_t") for key in ("cost", "transport"))
        return frame.say("granted.stores", what=resource, cost=cost, transport=transport)
    return resource


LASTING = "#4A6572"
"""Bars of the classes of durability: no method's colour."""


def by_method(frame: Frame) -> str:
    """Net removal of each method in the plan as bars, with cost and land."""
    avoided = [name for name in frame.run.methods if _avoids(frame, name)]
    methods = [name for name in frame.run.methods if name not in avoided]
    net = {name: real(frame.at(f"methods/{quoted(name)}/net_mt_yr")) for name in methods}
    most = max([value for value in net.values() if value > 0], default=0.0)
    rows = []
    for name in methods:
        at = f"methods/{quoted(name)}"
        share = net[name] / most if most > 0 else 0.0
        numbers = (
            frame.value(f"{at}/{key}", amount=True)
            for key in ("net_mt_yr", "mean_cost_usd_t", "land_km2")
        )
        rows.append([frame.method(name) + bar(share, frame.colour(name)), *numbers])
    columns = (
        (frame.say("column.method"), "text"),
        (frame.say("column.net") + frame.in_("Mt/yr"), "number"),
        (frame.say("column.mean") + frame.in_("USD/t"), "number"),
        (frame.say("column.land") + frame.in_("km2"), "number"),
    )
    total = None
    if len(methods) > 1:
        land = "+".join(f"methods/{quoted(name)}/land_km2" for name in methods)
        keys = ("net_mt_yr", "mean_cost_usd_t", land)
        sums = (frame.value(pointer, amount=True) for pointer in keys)
        total = [frame.say("total"), *sums]
    title = frame.say("by_method.title")
    body = table(title, columns, rows, total=total, headed=True)
    note = of_last_year(frame)
    area = sum(real(frame.at(f"methods/{quoted(name)}/land_km2")) for name in methods)
    if area > real(frame.at("region_km2")):
        note += paragraph(frame.say("by_method.shared"), kind="note")
    if avoided:
        each = [avoids(frame, name) for name in avoided]
        note += paragraph(frame.say("by_method.avoided", each=" ".join(each)), kind="note")
    return tag("h3", title) + body + note + by_durability(frame)


def of_last_year(frame: Frame) -> str:
    """Of a path: how the total of the table and the tonnes at the top are the same plan."""
    if not frame.at("pathway"):
        return ""
    last = len(frame.at("pathway/years")) - 1
    both = frame.at("pathway/removal_mt_yr") is not None
    facts = {"year": "years", "at_age": "net_mt_yr"}
    if both:
        facts |= {"emitters": "net_of_emitters_mt_yr", "all": "removal_mt_yr"}
    shown = {name: frame.value(f"pathway/{key}/{last}") for name, key in facts.items()}
    shown["year"] = frame.year(f"pathway/years/{last}")
    words = frame.say(
        "by_method.path.emitters" if both else "by_method.path",
        total=frame.value("net_mt_yr"),
        **shown,
    )
    return paragraph(words, kind="note")


def avoids(frame: Frame, name: str) -> str:
    """What a method avoids that removes nothing, in a sentence."""
    at = f"methods/{quoted(name)}/avoidable_mt_yr"
    stops = real(frame.at(at))
    if not stops > 0:  # also of runs that do not say it
        return frame.say("by_method.avoids_none", what=frame.method(name))
    return frame.say("by_method.avoids", what=frame.method(name), n=frame.value(at))


def _avoids(frame: Frame, name: str) -> bool:
    """Whether all that a method does is to stop emissions: no removal, and in no sum (rule 5)."""
    return frame.at(f"methods/{quoted(name)}/ledger_class") == "avoided"


def by_durability(frame: Frame) -> str:
    """Net removal by how long it stays stored, and what of it is still there later."""
    classes = frame.run.summary.get("durability") or {}
    net = {name: real(sums["net_mt_yr"]) for name, sums in classes.items()}
    if not sum(net.values()) > 0:
        return ""
    most = max(net.values())
    years = text(frame.words.number(frame.run.scenario["accounting"]["retention_years"]))
    columns = (
        (frame.say("durability.column"), "text"),
        (frame.say("column.net") + frame.in_("Mt/yr"), "number"),
        (frame.say("durability.retained", years=years) + frame.in_("Mt/yr"), "number"),
    )
    rows = []
    for name, tonnes in net.items():
        at = f"durability/{quoted(name)}"
        label = frame.say(f"durability.{name}") + bar(tonnes / most, LASTING)
        keys = ("net_mt_yr", "retained_mt_yr")
        numbers = (frame.value(f"{at}/{key}", amount=True) for key in keys)
        rows.append([label, *numbers])
    title = frame.say("durability.title")
    return tag("h3", title) + table(title, columns, rows, headed=True)


DETAILS = (
    ("gross_mt_yr", "Mt/yr", "column.gross"),
    ("cost_musd_yr", "MUSD/yr", "column.cost"),
    ("credited_mt_yr", "Mt/yr", "column.credited"),
    ("retained_share", "%", "column.retained"),
    ("allowed_km2", "km2", "column.allowed"),
    ("alone_net_mt_yr", "Mt/yr", "column.alone_net"),
    ("alone_bound_mt_yr", "Mt/yr", "column.alone_bound"),
    ("alone_mean_cost_usd_t", "USD/t", "column.alone_cost"),
)
"""Further columns of the table of methods: key, unit, words."""


def method_details(frame: Frame) -> str:
    """What else is known of each method: gross and credited tonnes, and what it would do alone."""
    methods = frame.run.methods
    columns = [(frame.say("column.method"), "text")]
    columns += [(frame.say(label) + frame.in_(unit), "number") for _, unit, label in DETAILS]
    columns += [(frame.say("column.alone_limits"), "text")]
    rows = []
    for name in methods:
        at = f"methods/{quoted(name)}"
        cells = [
            frame.value(f"{at}/{key}", 100.0 if unit == "%" else 1.0, amount=True)
            for key, unit, _ in DETAILS
        ]
        limits = limits_in_words(frame, str(frame.at(f"{at}/alone_limits") or ""))
        rows.append([frame.method(name), *cells, limits])
    caption = frame.say("methods.caption")
    note = paragraph(frame.say("methods.note"), kind="note")
    return details(frame.say("methods.more"), table(caption, columns, rows), note, rows=len(rows))


def limits_in_words(frame: Frame, listed: str) -> str:
    """``land 71 %, water 29 %`` with the resources in the language of the page."""
    return text(frame.words.limits(listed, THIN))


# ------------------------------------------------------------------- what binds


def what_binds(frame: Frame, pools: list[Pool]) -> str:
    """What is used up, by kind, in the order of what it costs the plan."""
    head = tag("h3", frame.say("binds.title"))
    families = families_of(pools)
    used_up = families_of([pool for pool in pools if pool.binding is not None])
    if not used_up:
        return head + paragraph(frame.say("binds.nothing")) + own_limits(frame)
    items = []
    for name in sorted(used_up, key=lambda name: -sum(pool.weight for pool in used_up[name])):
        ranked = sorted(used_up[name], key=lambda pool: -pool.weight)
        names = frame.listing([frame.words.zone(pool.zone) for pool in ranked])
        title = tag("b", text(frame.words.heading(frame.words.resource(name))))
        if name == "policy":
            count = frame.count("binds.policy", len(ranked), what=title)
        else:  # a pool with many months is one pool
            every = frame.words.number(len({pool.place for pool in families[name]}))
            bound = len({pool.place for pool in ranked})
            count = frame.count("binds.pools", bound, all=every, what=title)
        items.append(tag("li", count, tag("br"), tag("span", names, class_="muted")))
    more = tag("a", frame.say("binds.more"), href="#pools")
    return head + tag("ol", *items, class_="plain") + paragraph(more, kind="onward")


def own_limits(frame: Frame) -> str:
    """What each method lacks in the places themselves, where nothing shared is used up."""
    items = []
    for name in frame.run.methods:
        listed = str(frame.at(f"methods/{quoted(name)}/alone_limits") or "")
        if listed:
            items.append(
                frame.say("binds.own", what=frame.method(name), by=limits_in_words(frame, listed))
            )
    return tag("ul", *(tag("li", item) for item in items), class_="plain")


def one_more(frame: Frame, pools: list[Pool]) -> str:
    """What the plan would gain from one more unit of what binds: the dearest of each kind."""
    rows = []
    used_up = [pool for pool in pools if pool.binding is not None]
    for family, members in families_of(used_up).items():
        ranked = sorted(members, key=lambda pool: -abs(pool.price))
        if family == "policy":  # each rule is a thing of its own
            rows += [[more_of(frame, rule), gain_of(frame, rule)] for rule in ranked[:MAX_RULES]]
        else:
            where = [text(frame.words.zone(ranked[0].zone))]
            if len(ranked) > 1:
                least = price_of(frame, ranked[-1])
                where.append(frame.say("more.least", n=str(len(ranked)), price=least))
            small = tag("small", frame.words("list.clause").join(where))
            rows.append([more_of(frame, ranked[0]) + tag("br") + small, gain_of(frame, ranked[0])])
    if not rows:
        return ""
    columns = ((frame.say("more.column"), "text"), (frame.say("more.gain"), "number"))
    body = table(frame.say("more.caption"), columns, rows, attributes={"class": "quiet"})
    why = frame.say("months.why") if any(pool.month for pool in used_up) else ""
    note = paragraph(why, kind="note") if why else ""
    return tag("h3", frame.say("more.title")) + body + note


def more_of(frame: Frame, pool: Pool) -> str:
    """``1 000 m³ of water a year`` more, or a limit that is one unit wider."""
    unit = frame.words.unit(pool.per if pool.month else priced(pool.per)[1])
    amount = text(unit if unit[:1].isdigit() else f"1 {unit}")
    if pool.month:
        month = frame.say(f"month.{pool.month}")
        what = text(frame.words.resource(pool.family))
        return frame.say("more.month", amount=amount, what=what, month=month)
    if pool.family != "policy":
        return frame.say("more.pool", amount=amount, what=text(frame.words.resource(pool.family)))
    yearly = "more.least.rule" if pool.minimum else "more.rule"
    land = "more.least.m2" if pool.minimum else "more.rule.m2"
    return frame.say(
        land if pool.per == "m2" else yearly, amount=amount, what=text(frame.words.zone(pool.zone))
    )


def price_of(frame: Frame, pool: Pool) -> str:
    """A price in a planner's unit, as a number."""
    pointer = f"tables/pools/{pool.index}/price"
    if pool.binding is not None:
        pointer = f"binding/{pool.binding}/price"
    return frame.value(pointer, pool.price_factor)


def gain_of(frame: Frame, pool: Pool) -> str:
    """A price with what it is: tonnes more, dollars saved."""
    goal = GOALS.get(str(frame.at("objective/name")), "value" if pool.paid == "USD" else "net")
    key = f"loss.{goal}" if pool.minimum else f"gain.{goal}"
    return frame.say(key, price=price_of(frame, pool))


# --------------------------------------------------------------------- how sure


def network_proof(frame: Frame) -> str:
    """How far the network of plants and pipelines is from the cheapest one, as far as is known."""
    status = str(frame.at("network/status"))
    if status in {"no plants", "no plan found"}:
        return frame.say("sure.network.none")
    if real(frame.at("network/gap")) == 0.0:
        return frame.say("sure.network.exact")
    told = {"gap": frame.value("network/gap", 100.0, 2)}
    if frame.at("network/gap_transport") is None:
        return frame.say("sure.network.total", **told)
    told["transport"] = frame.value("network/gap_transport", 100.0, 2)
    within = frame.say("sure.network.within", **told)
    return within if frame.at("network/reproducible") else within + frame.say("sure.network.cut")


def how_sure(frame: Frame) -> str:
    """The proofs in plain words, and what they do not cover."""
    items = []
    if frame.run.methods and frame.at("objective/status") is not None:
        status = str(frame.at("objective/status"))
        key = "sure.plan.optimal" if status == "optimal" else "sure.plan.open"
        if real(frame.at("objective/gap")) == 0.0:
            key = "sure.plan.exact"
        gap, asked = (frame.value(f"objective/{name}", 100.0, 1) for name in ("gap", "gap_asked"))
        items.append(frame.say(key, gap=gap, asked=asked))
    if frame.at("network/status") is not None:
        items.append(network_proof(frame))
    items.append(frame.say("sure.inputs"))
    n = len(frame.run.warnings)
    if n:
        items.append(tag("a", frame.count("sure.warnings", n), href="#warnings"))
    else:
        items.append(frame.say("sure.no_warnings"))
    return tag("h3", frame.say("sure.title")) + tag("ul", *(tag("li", i) for i in items))
