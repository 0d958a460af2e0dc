/* What is said of a cell: sentences looked up and filled. Text only ever becomes text nodes. */
"use strict";

const WHY = (() => {
  const THIN = "\u202f", MISSING = "–", MINUS = "\u2212";
  const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";
  let words = {};

  const fill = (text, places) => text.replace(/\{([^{}]+)\}/g, (all, name) => (Object.hasOwn(places, name) ? places[name] : all));
  const say = (key, places = {}) => fill(Object.hasOwn(words, key) ? words[key] : key, places);
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

  /* ---------------------------------------------------------------- looking up */

  function shown(fact, value) {
    if (fact.texts) return fact.texts[value] ?? MISSING;
    return Number.isFinite(value) ? number(value, fact.digits) + fact.unit : MISSING;
  }

  /* What is said of one cell: its facts in words, its lead, and the sentences under each title. */
  async function told(group, read, shared = {}) {
    const facts = { ...shared };
    await Promise.all(Object.entries(group.facts).map(async ([name, fact]) => {
      facts[name] = shown(fact, await read(fact.cells));
    }));
    const sentence = async (line) => {
      const code = await read(line.cells);
      return code > 0 ? fill(line.sentences[code - 1], facts) : null;
    };
    const rows = new Map();
    for (const line of group.lines) {
      const text = await sentence(line);
      if (text !== null) rows.set(line.title, [...(rows.get(line.title) ?? []), text]);
    }
    return { facts, lead: await sentence(group.lead), rows: [...rows] };
  }

  const leads = (found) => [...Object.values(found.methods), found.told].map((one) => one.lead).filter(Boolean);
  const gap = () => say("sentence.gap");

  /* ----------------------------------------------------------------- cards */

  function card(method, mine) {
    const head = element("h4", {}, swatch(method.colour), method.label);
    const made = element("article", { class: "cdrmap-card", "data-method": method.name }, head);
    for (const [title, lines] of mine.rows) {
      made.append(element("p", { class: "cdrmap-what" }, title));
      made.append(element("ul", {}, ...lines.map((line) => element("li", {}, line))));
    }
    if (mine.lead) made.classList.add("cdrmap-used");
    return made;
  }

  function zonesOf({ facts }) {
    return Object.keys(facts).filter((name) => name.startsWith("zone_"))
      .map((name) => facts[name]).filter((text) => text !== MISSING);
  }

  function place(found) {
    const lon = `${number(Math.abs(found.lon), 6)}° ${say(found.lon < 0 ? "map.west" : "map.east")}`;
    const lat = `${number(Math.abs(found.lat), 6)}° ${say(found.lat < 0 ? "map.south" : "map.north")}`;
    return `${lat}, ${lon}`;
  }

  const list = (rows) => element("dl", { class: "cdrmap-facts" },
    ...rows.map(([what, text]) => element("div", {}, element("dt", {}, what), element("dd", {}, text))));

  /* Everything about the cell, for the part below the map. */
  function full(data, found) {
    const parts = [element("h3", {}, [place(found), ...zonesOf(found.told)].join(" · "))];
    if (data.cells.step > 1) {
      parts.push(element("p", { class: "cdrmap-note" }, say("map.why.sampled",
        { n: data.cells.step, km: number(data.cells.km * data.cells.step) })));
    }
    const lead = leads(found);
    if (lead.length) parts.push(element("p", { class: "cdrmap-lead" }, lead.join(gap())));
    parts.push(list(found.told.rows.map(([title, lines]) => [title, lines.join(gap())])));
    const cards = data.methods.filter((m) => found.methods[m.name]).map((m) => card(m, found.methods[m.name]));
    if (cards.length) parts.push(element("div", { class: "cdrmap-cards" }, ...cards));
    return parts;
  }

  /* A few lines for the bubble on the map. */
  function brief(found) {
    const head = zonesOf(found.told)[0] ?? place(found), lead = leads(found);
    const rows = found.told.rows.slice(0, 6).map(([title, lines]) => `${title}: ${lines.join(gap())}`);
    return element("div", { class: "cdrmap-brief" }, element("strong", {}, head),
      ...(lead.length ? lead : rows).map((line) => element("p", {}, line)));
  }

  return { use: (table) => { words = table; }, say, named, number, element, swatch, told, full, brief, list };
})();
