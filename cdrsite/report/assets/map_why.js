/* What is said of a cell, in words. Text only ever becomes text nodes. */
"use strict";

const WHY = (() => {
  const THIN = "\u202f", MISSING = "–", MINUS = "\u2212";
  const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";
  let words = {};
  let larger = {};

  function say(key, places = {}) {
    const text = Object.hasOwn(words, key) ? words[key] : key;
    return text.replace(/\{(\w+)\}/g, (all, name) => (name in places ? places[name] : all));
  }
  const named = (kind, name) => (Object.hasOwn(words, `${kind}.${name}`) ? words[`${kind}.${name}`] : name);

  /* As on the rest of the page, but never more digits than the page holds of a cell's numbers. */
  function number(value, digits = 3) {
    if (!Number.isFinite(value)) return MISSING;
    if (value === 0) return "0";
    const power = Math.floor(Math.log10(Math.abs(Number(value.toPrecision(digits)))));
    const sign = value < 0 ? MINUS : "";
    const size = Math.abs(Number(value.toPrecision(digits)));
    if (power < -4) {
      const raised = String(-power).replace(/\d/g, (d) => RAISED[d]);
      return `${sign}${(size / 10 ** power).toFixed(Math.max(digits - 2, 0))} × 10⁻${raised}`;
    }
    const [whole, part] = size.toFixed(Math.min(Math.max(0, digits - 1 - power), 12)).split(".");
    const grouped = whole.replace(/\B(?=(\d{3})+$)/g, THIN);
    return sign + grouped + (part ? `.${part}` : "");
  }
  const percent = (share) => `${number(100 * share, 2)}${THIN}%`;

  function amount(value, unit) {
    const [factor, name] = larger[unit] ?? [1, unit];
    return `${number(value * factor)} ${named("map.unit", name)}`.trim();
  }

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key === "colour") made.style.background = value;
      else made.setAttribute(key, value);
    }
    made.append(...children);
    return made;
  }
  const swatch = (colour) => element("i", { class: "cdrmap-dot", colour, "aria-hidden": "true" });

  /* ---------------------------------------------------------------- facts */

  function label(names, variable, code) {
    const list = names.labels[variable] ?? [];
    return code >= 0 ? list[code] ?? String(code) : null;
  }

  function rulesHit(names, bits, method) {
    const hit = [];
    for (let bit = 0; bit < names.included; bit++) {
      if (!(Math.floor(bits / 2 ** bit) % 2)) continue;
      const who = names.rules_for[bit];
      if (method !== undefined && who && !who.includes(method)) continue;
      hit.push(names.rules[bit] ?? say("map.why.rule", { n: bit }));
    }
    return hit;
  }

  function className(data, word) {
    const method = data.methods.find((m) => m.name === word);
    if (method) return method.label;
    return Object.hasOwn(words, `map.limit.${word}`) ? words[`map.limit.${word}`] : named("map.state", word);
  }

  /* What a gross tonne has to pay for most, with the place whose price it is. */
  function chargeName(data, shared, mine) {
    const { names } = data.cells, what = names.charges[mine.charge_what];
    if (!what) return "";
    if (what === "rules") return say("map.why.rules", { names: names.policies.join(", ") });
    const kind = named("map.limit", what);
    const variable = what === "storage" ? "pool_storage" : `pool_${what}`;
    const zone = label(names, variable, what === "storage" ? mine.sink : shared[variable] ?? -1);
    return zone && what !== "land" ? say("map.why.of", { what: kind, zone }) : kind;
  }

  const goal = (data) => named("map.goal", data.cells.names.goal);

  function verdict(data, shared, mine) {
    const worth = `${number(mine.worth)} ${goal(data)}`;
    const what = chargeName(data, shared, mine);
    const pays = what
      ? say("map.why.pays", { worth, what, charge: `${number(mine.charge, 2)} ${goal(data)}` })
      : say("map.why.worth", { worth });
    if (mine.verdict === 1) {
      const lines = [say(mine.share >= 0.01 ? "map.why.used_share" : "map.why.used",
        { gross: number(mine.allocated), share: percent(mine.share) })];
      if (Number.isFinite(mine.worth)) lines.push(pays);
      return lines;
    }
    if (mine.verdict === 2) {
      const short = `${number(mine.shortfall, 2)} ${goal(data)}`;
      const lines = [say("map.why.short", { short }), pays];
      const left = 1 - mine.shortfall / mine.charge;
      if (what && left > 0.005) lines.push(say("map.why.cure", { what, less: percent(1 - left), short }));
      else if (what) lines.push(say("map.why.cure_none", { what, short }));
      else lines.push(say("map.why.cure_worth", { short }));
      return lines;
    }
    if (mine.verdict === 3) return [say("map.why.no_gain", { worth })];
    return mine.verdict === 4 ? [say("map.why.as_good"), pays] : [];
  }

  function way(data, shared, mine) {
    const { names } = data.cells;
    const cost = mine.plan_cost ?? mine.cost;
    const lines = Number.isFinite(cost) ? [say("map.why.cost", { cost: number(cost) })] : [];
    const sink = label(names, "pool_storage", mine.sink ?? -1);
    if (sink) {
      const nearest = shared.pool_storage === mine.sink && Number.isFinite(shared.transport_km);
      const key = mine.verdict === 1 ? "map.why.goes" : "map.why.sink";
      lines.push(say(nearest ? `${key}_km` : key, { sink, km: number(shared.transport_km) }));
    }
    return lines;
  }

  function equalShare(data, shared, mine, limit) {
    const { names } = data.cells;
    const net = mine.equal_share === 0 ? 0 : mine.equal_share * mine.net_factor;
    const lines = [say("map.why.equal_share", { gross: number(mine.equal_share), net: number(net) })];
    if (Number.isFinite(mine.cost)) lines.push(say("map.why.equal_share_cost", { cost: number(mine.cost) }));
    const supply = `supply_${limit}`, offered = shared[supply];
    const places = { what: named("map.limit", limit), offered: amount(offered, names.units[supply]) };
    if (Number.isFinite(offered) && mine.equal_share > 0) {
      const unit = String(names.units[supply]).split("/")[0];
      places.need = `${number(offered / mine.equal_share)} ${named("map.unit", unit)}`;
      lines.push(say("map.why.limit_need", places));
    } else {
      lines.push(say(Number.isFinite(offered) ? "map.why.limit_offered" : "map.why.limit", places));
    }
    lines.push(say("map.why.suits", { share: percent(mine.available), score: number(mine.suitability, 2) }));
    return lines;
  }

  /* The state of a method in a cell: a resource that limits it, or a reason that it cannot be. */
  function stateOf(data, shared, method, mine) {
    const word = data.cells.names.codes.limit?.[mine.limit] ?? "unknown";
    if (data.cells.names.charges.includes(word) && word !== "rules") return { limit: word };
    const rules = rulesHit(data.cells.names, shared.exclusion_reasons ?? 0, method.name);
    if (word === "excluded" && rules.length) return { text: say("map.why.excluded", { rules: rules.join("; ") }) };
    const key = `map.why.state.${word}`;
    return { text: Object.hasOwn(words, key) ? words[key] : word };
  }

  /* ----------------------------------------------------------------- cards */

  function card(data, shared, method, mine) {
    const head = element("h4", {}, swatch(method.colour), method.label);
    const made = element("article", { class: "cdrmap-card", "data-method": method.name }, head);
    const state = stateOf(data, shared, method, mine);
    if (state.text) {
      made.append(element("p", {}, state.text));
      return made;
    }
    const plan = verdict(data, shared, mine);
    const parts = [
      ["map.why.title.plan", [...plan.slice(0, 1), ...way(data, shared, mine), ...plan.slice(1)]],
      ["map.why.title.equal_share", equalShare(data, shared, mine, state.limit)],
    ];
    for (const [title, lines] of parts) {
      if (title === "map.why.title.plan" && !plan.length) continue;
      made.append(element("p", { class: "cdrmap-what" }, say(title)));
      made.append(element("ul", {}, ...lines.map((line) => element("li", {}, line))));
    }
    if (mine.verdict === 1) made.classList.add("cdrmap-used");
    return made;
  }

  function zonesOf(names, shared) {
    return Object.keys(shared).filter((v) => v.startsWith("zone_"))
      .map((v) => label(names, v, shared[v])).filter(Boolean);
  }

  function place(found) {
    const lon = `${number(Math.abs(found.lon), 6)}° ${say(found.lon < 0 ? "map.west" : "map.east")}`;
    const lat = `${number(Math.abs(found.lat), 6)}° ${say(found.lat < 0 ? "map.south" : "map.north")}`;
    return `${lat}, ${lon}`;
  }

  /* One sentence on what the plan does here. */
  function short(data, found) {
    const { shared, methods } = found, names = data.cells.names;
    const used = data.methods.filter((m) => methods[m.name]?.allocated > 0);
    if (used.length) {
      return used.map((m) => {
        const mine = methods[m.name], cost = mine.plan_cost ?? mine.cost;
        return say("map.why.short_used",
          { method: m.label, gross: number(mine.allocated), cost: number(cost) });
      });
    }
    const word = names.codes.winner?.[shared.winner];
    if (word === "excluded") {
      return [say("map.why.excluded", { rules: rulesHit(names, shared.exclusion_reasons ?? 0).join("; ") })];
    }
    const state = `map.why.state.${word}`;
    return [Object.hasOwn(words, state) ? words[state] : say("map.why.none")];
  }

  function facts(data, shared) {
    const { names } = data.cells, rows = [];
    const binding = names.codes.binding?.[shared.binding];
    if (binding) rows.push([say("map.why.title.binding"), className(data, binding)]);
    const rules = rulesHit(names, shared.exclusion_reasons ?? 0);
    if ("exclusion_reasons" in shared) {
      rows.push([say("map.why.title.rules"), rules.length ? rules.join("; ") : say("map.why.no_rules")]);
    }
    for (const variable of Object.keys(shared).filter((v) => v.startsWith("pool_"))) {
      const zone = label(names, variable, shared[variable]), what = variable.slice(5);
      if (!zone) continue;
      let text = zone;
      if (what === "storage") {
        const places = { zone, km: number(shared.transport_km), cost: number(shared.transport_cost) };
        text = Number.isFinite(shared.transport_km) ? say("map.why.nearest", places) : zone;
      }
      rows.push([say(`map.why.pool.${what}`), text]);
    }
    if (Number.isFinite(shared.usable_land)) {
      rows.push([say("map.why.supply", { what: named("map.limit", "land") }),
        amount(shared.usable_land / 1e6, "km2")]);
    }
    for (const variable of Object.keys(shared).filter((v) => v.startsWith("supply_"))) {
      if (!Number.isFinite(shared[variable])) continue;
      rows.push([say("map.why.supply", { what: named("map.limit", variable.slice(7)) }),
        amount(shared[variable], names.units[variable])]);
    }
    return rows;
  }

  function plainRows(data, found) {
    const { names } = data.cells;
    return Object.entries(found.plain).map(([name, value]) => {
      const word = names.codes[name]?.[value] ?? label(names, name, names.labels[name] ? value : -1);
      const unit = names.units[name] === "1" ? "" : names.units[name];
      const text = word ?? (Number.isFinite(value) ? amount(value, unit) : say("map.why.no_value"));
      return [names.meanings[name], text];
    });
  }

  const list = (rows) => element("dl", { class: "cdrmap-facts" },
    ...rows.map(([what, text]) => element("div", {}, element("dt", {}, what), element("dd", {}, text))));

  /* Everything about the cell, for the part below the map. */
  function full(data, found) {
    const parts = [element("h3", {}, [place(found), ...zonesOf(data.cells.names, found.shared)].join(" · "))];
    if (data.cells.step > 1) {
      parts.push(element("p", { class: "cdrmap-note" }, say("map.why.sampled",
        { n: data.cells.step, km: number(data.cells.km * data.cells.step) })));
    }
    if (found.plain) return [...parts, list(plainRows(data, found))];
    parts.push(element("p", { class: "cdrmap-lead" }, short(data, found).join(say("map.gap"))));
    parts.push(list(facts(data, found.shared)));
    const cards = data.methods.filter((m) => found.methods[m.name])
      .map((m) => card(data, found.shared, m, found.methods[m.name]));
    parts.push(element("div", { class: "cdrmap-cards" }, ...cards));
    return parts;
  }

  /* A few lines for the bubble on the map. */
  function brief(data, found) {
    const head = zonesOf(data.cells.names, found.shared)[0] ?? place(found);
    const lines = found.plain ? plainRows(data, found).slice(0, 6).map(([k, v]) => `${k}: ${v}`)
      : short(data, found);
    return element("div", { class: "cdrmap-brief" }, element("strong", {}, head),
      ...lines.map((line) => element("p", {}, line)));
  }

  return { use: (table, units) => { words = table; larger = units; }, say, named, number, element, swatch, full, brief, place, list };
})();
