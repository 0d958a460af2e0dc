/* The map: pictures, shapes, legend, controls, and what a click says. */
"use strict";

(() => {
  const holder = document.getElementById("map-data"), root = document.getElementById("cdrmap");
  if (!holder || !root || typeof L === "undefined") return;
  const data = JSON.parse(holder.textContent);
  WHY.use(data.words);
  const { say, element, number } = WHY;
  const stage = document.getElementById("cdrmap-stage");
  const legend = document.getElementById("cdrmap-legend");
  const why = document.getElementById("cdrmap-why");

  const bounds = L.latLngBounds(data.bounds);
  const map = L.map(stage, {
    attributionControl: false, zoomControl: false, maxBounds: bounds.pad(1), minZoom: 1, maxZoom: 16,
    zoomSnap: 0.25, scrollWheelZoom: false, fadeAnimation: false, inertia: false,
  });
  L.control.zoom({ zoomInTitle: say("map.zoom_in"), zoomOutTitle: say("map.zoom_out") }).addTo(map);
  L.control.scale({ imperial: false, position: "topright" }).addTo(map);
  /* Radius of the largest circle [px]; the area of the others is as their tonnes are. */
  const LARGEST = 20;
  const MARGIN = 6;
  /* The whole region, with room for circles that reach beyond its edge: the frame cuts none. */
  function frame() {
    let room = [MARGIN, MARGIN, MARGIN, MARGIN];  // left, top, right, bottom [px]
    for (let turn = 0; turn < 3; turn++) {
      map.fitBounds(bounds, { paddingTopLeft: room.slice(0, 2), paddingBottomRight: room.slice(2), animate: false });
      const { x: wide, y: high } = map.getSize(), over = [0, 0, 0, 0];
      for (const layer of Object.values(data.vectors).filter((one) => one.shown && one.kind === "point")) {
        const most = scaleOf(layer);
        for (const item of layer.shapes) {
          const [lon, lat] = item.geometry.coordinates;
          const { x, y } = map.latLngToContainerPoint([lat, lon]), reach = styleOf(layer, item, most).radius + 2;
          [reach - x, reach - y, x + reach - wide, y + reach - high].forEach((by, i) => { over[i] = Math.max(over[i], by); });
        }
      }
      if (!over.some((by) => by > 0)) return;
      room = room.map((by, i) => by + Math.ceil(over[i]));
    }
  }
  /* a map in a folded or hidden place has no size yet: it fits once it has one */
  let fitted = false;
  const fit = () => {
    fitted = stage.clientWidth > 0 && stage.clientHeight > 0;
    if (!fitted) return map.setView(bounds.getCenter(), 7, { animate: false });
    frame();
    map.setMinZoom(Math.max(map.getZoom() - 2, 0));
  };
  fit();
  /* the wheel scrolls the page until the map has been clicked */
  map.on("focus", () => map.scrollWheelZoom.enable());
  map.on("blur", () => map.scrollWheelZoom.disable());

  /* a bubble stays clear of the controls in the upper corners */
  const CLEAR = { autoPanPaddingTopLeft: [12, 40], autoPanPaddingBottomRight: [12, 12] };

  /* ------------------------------------------------------------ background */

  for (const [name, z] of [["region", 210], ["raster", 220], ["lines", 230], ["vectors", 420], ["cell", 430]]) {
    map.createPane(name).style.zIndex = z;
  }
  map.getPane("raster").classList.add("cdrmap-pixels");
  map.getPane("lines").style.pointerEvents = "none";
  const shape = (geometry) => ({ type: "Feature", properties: {}, geometry });
  const ground = L.geoJSON(data.region.map(shape), {
    pane: "region", interactive: false, style: { color: "#6b7480", weight: 1, fillColor: "#fff", fillOpacity: 1 },
  }).addTo(map);

  const STEPS = [45, 30, 15, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01];
  const grid = L.layerGroup([], { pane: "lines" }).addTo(map);
  function degrees(value, places, plus, minus) {
    const text = Math.abs(value).toFixed(places);
    return Number(text) === 0 ? "0°" : `${text}° ${say(value < 0 ? minus : plus)}`;
  }
  function graticule() {
    grid.clearLayers();
    const box = map.getBounds(), wide = box.getEast() - box.getWest();
    const step = STEPS.find((s) => wide / s >= 3) ?? STEPS[STEPS.length - 1];
    const places = step < 0.1 ? 2 : step < 1 ? 1 : 0;
    const line = (points) => grid.addLayer(L.polyline(points,
      { pane: "lines", interactive: false, color: "#5b6670", weight: 0.6, opacity: 0.35 }));
    const text = (at, words, kind) => grid.addLayer(L.marker(at, {
      pane: "lines", interactive: false, keyboard: false,
      icon: L.divIcon({ className: `cdrmap-degrees ${kind}`, iconSize: null, html: element("span", {}, words) }),
    }));
    for (let i = Math.ceil(box.getWest() / step); i * step <= box.getEast(); i++) {
      line([[box.getSouth(), i * step], [box.getNorth(), i * step]]);
      // a label that the edge would cut is left out
      if ((box.getEast() - i * step) / wide * stage.clientWidth > 52) {
        text([box.getSouth(), i * step], degrees(i * step, places, "map.east", "map.west"), "foot");
      }
    }
    for (let i = Math.ceil(box.getSouth() / step); i * step <= box.getNorth(); i++) {
      line([[i * step, box.getWest()], [i * step, box.getEast()]]);
      text([i * step, box.getEast()], degrees(i * step, places, "map.north", "map.south"), "side");
    }
  }
  map.on("moveend", graticule);
  graticule();

  /* --------------------------------------------------------------- picture */

  let picture = null;
  const strength = document.getElementById("cdrmap-opacity");
  const chosen = (name) => root.querySelector(`input[name="${name}"]:checked`)?.value;

  /* Milestones: the slider is there where a layer has years. */
  const slider = document.getElementById("cdrmap-year");
  const years = data.years ?? [];
  const year = () => years[Number(slider?.value ?? 0)];
  const isLast = () => !years.length || year() === years[years.length - 1];

  function layerKey() {
    const variable = chosen("cdrmap-layer");
    if (!variable) return "";  // plain ground below the circles
    const keys = [`${variable}@${year()}`, `${variable}/${chosen("cdrmap-method")}`, `${variable}#${chosen("cdrmap-rule")}`];
    return keys.find((key) => Object.hasOwn(data.layers, key)) ?? variable;
  }

  /* Plants, pipes, tonnes and what is captured are those of the last milestone: none lie on an earlier year. */
  const OF_PLAN = ["plants", "pipes", "tonnes", "dots", "emitters", "standing"];
  const hidden = (name) => OF_PLAN.includes(name) && layerKey().includes("@") && !isLast();

  function tellYear(key) {
    if (!slider) return;
    // what has no years is that of the last
    if (!key.includes("@")) slider.value = years.length - 1;
    slider.setAttribute("aria-valuetext", year());
    document.getElementById("cdrmap-year-shown").textContent = year();
  }

  /* Who moves the slider wants to see years: the first layer that has them is chosen. */
  function showYear() {
    if (!layerKey().includes("@")) {
      const boxes = [...root.querySelectorAll("input[name=cdrmap-layer]")];
      boxes.find((box) => Object.hasOwn(data.layers, `${box.value}@${year()}`)).checked = true;
    }
    show();
  }

  function show() {
    const key = layerKey(), layer = data.layers[key];
    const methods = document.getElementById("cdrmap-methods");
    const byMethod = key.includes("/");
    if (methods) methods.disabled = !byMethod;
    const rules = document.getElementById("cdrmap-rules");
    if (rules) rules.hidden = !Object.hasOwn(data.layers, `${chosen("cdrmap-layer")}#0`);
    if (picture) picture.remove();
    picture = null;
    strength.disabled = !layer;
    ground.setStyle({ fillColor: layer ? "#fff" : data.ground });
    if (layer) {
      picture = L.imageOverlay(layer.image, bounds, {
        pane: "raster", opacity: Number(strength.value) / 100, alt: layer.legend.title,
      }).addTo(map);
      picture.getElement().dataset.layer = key;
    }
    tellYear(key);
    for (const box of root.querySelectorAll("input[name=cdrmap-vector]")) {
      if (OF_PLAN.includes(box.value) && groups.has(box.value)) toggle(box);
    }
    drawLegend(layer ?? plain(), byMethod ? chosen("cdrmap-method") : null, key.includes("#") ? ruleName() : "");
  }

  const ruleName = () => root.querySelector("input[name=cdrmap-rule]:checked").labels[0].innerText.trim();

  const methodsOf = (layer) => data.methods.filter((one) => layer.shapes.some((item) => item.colour === one.colour));

  /* No colours of land: the legend is of the circles. */
  function plain() {
    const layer = data.vectors.tonnes;
    return { legend: { title: layer.title, unit: "", classes: methodsOf(layer) } };
  }

  function drawLegend(layer, method, rule) {
    legend.replaceChildren();
    const { title, unit, steps, classes } = layer.legend;
    const who = data.methods.find((m) => m.name === method);
    const head = [who ? `${who.label}: ${title}` : rule ? `${title}: ${rule}` : title];
    if (unit && steps) head.push(element("span", { class: "cdrmap-unit" }, ` [${unit}]`));
    legend.append(element("p", { class: "cdrmap-title" }, ...head));
    // a quantity's classes, from little to much: side by side as one bar, each with its words
    if (steps) {
      legend.append(element("ol", { class: "cdrmap-steps" }, ...steps.map(({ label, colour }) =>
        element("li", {}, element("i", { colour, "aria-hidden": "true" }), label))));
    }
    // classes of one group stand together, under its title where there is one
    for (const group of new Set(classes.map((one) => one.group))) {
      const list = element("ul", { class: "cdrmap-classes" },
        ...classes.filter((one) => one.group === group)
          .map(({ label, colour }) => element("li", {}, WHY.swatch(colour), label)));
      if (group) {
        list.setAttribute("aria-label", group);
        legend.append(element("div", { class: "cdrmap-group" },
          element("p", { "aria-hidden": "true" }, group), list));
      } else legend.append(list);
    }
    legend.append(element("ul", { class: "cdrmap-classes cdrmap-signs" }));
    drawSigns();
  }

  function largest(layer, most) {
    if (layer.scale === "map.scale.routes") return String(most);
    return most >= 1e5 ? `${number(most / 1e6)} ${WHY.named("unit", "Mt/yr")}`
      : `${number(most)} ${WHY.named("unit", "t/yr")}`;
  }

  /* Circles of round amounts, as the map draws them: 1, 2 or 5 times a power of ten. */
  function sizes(most, scale) {
    const found = [];
    for (let power = 10 ** Math.floor(Math.log10(most)), i = 0; i < 3; i++, power /= 10) {
      for (const step of [5 * power, 2 * power, power]) {
        const next = found.length ? found[found.length - 1] / 4 : most;
        if (found.length < 3 && step <= next * (1 + 1e-9)) found.push(step);
      }
    }
    return found.map((size) => {
      const wide = Math.max(3, 2 * LARGEST * Math.sqrt(size / scale));
      const circle = element("i", { class: "cdrmap-size", "aria-hidden": "true" });
      circle.style.width = circle.style.height = `${wide.toFixed(1)}px`;
      return element("span", { class: "cdrmap-sized" }, circle, `${number(size / 1e6)} ${WHY.named("unit", "Mt/yr")}`);
    });
  }

  /* What the shapes on top mean: their sign, and what its size stands for. */
  function drawSigns() {
    const list = legend.querySelector(".cdrmap-signs");
    if (!list) return;
    const on = [...root.querySelectorAll("input[name=cdrmap-vector]:checked")]
      .filter((box) => !hidden(box.value)).map((box) => data.vectors[box.value]);
    list.replaceChildren(...on.map((layer) => {
      const most = largestOf(layer), scale = scaleOf(layer);
      const colours = new Set(layer.shapes.map((item) => item.colour));
      const sign = element("i", {
        class: `cdrmap-sign ${layer.kind}`, "aria-hidden": "true",
        style: `--sign:${colours.size > 1 ? "#59636e" : [...colours][0]}`,
      });
      const text = most > 0 && layer.scale ? say(layer.scale, { title: layer.title, most: largest(layer, most) }) : layer.title;
      const item = element("li", {}, element("span", {}, sign, text));
      if (layer.scale === "map.scale.area" && layer.kind === "point") {
        item.append(...sizes(most, scale));
        if (layer.shapes.some((one) => !drawn(layer, one, scale))) {
          item.append(element("span", { class: "cdrmap-sized" }, say("map.least", { least: largest(layer, scale * LEAST) })));
        }
      }
      // beside the colours of methods on the land, or on plain ground, the legend has them already
      if (colours.size > 1 && !/^(winner|$)/.test(layerKey())) {
        item.append(...methodsOf(layer).map((one) => element("span", { class: "cdrmap-sized" }, WHY.swatch(one.colour), one.label)));
      }
      return item;
    }));
  }

  /* ---------------------------------------------------------------- shapes */

  function largestOf(layer) { return Math.max(0, ...layer.shapes.map((item) => item.size)); }
  /* Tonnes of the largest circle: circles that lie on one map from the start have one scale. */
  function scaleOf(layer) {
    if (layer.kind !== "point" || !layer.scale) return largestOf(layer);
    const beside = Object.values(data.vectors).filter((one) => one.shown && one.kind === "point" && one.scale);
    return Math.max(...[layer, ...beside].map(largestOf));
  }
  /* What has less than this part of the most tonnes would be a speck of no area. */
  const LEAST = 1e-3;
  const drawn = (layer, item, most) => layer.scale !== "map.scale.area" || item.size >= most * LEAST;
  function styleOf(layer, item, most) {
    const part = most > 0 ? Math.sqrt(item.size / most) : 0;
    if (layer.kind === "line") return { color: item.colour, weight: 1.5 + 5 * part, opacity: 0.9 };
    if (layer.kind === "area") {
      return { color: item.colour, weight: 1.6, opacity: 0.95, fillOpacity: 0.02, fillColor: item.colour };
    }
    // the ring parts a dot from land of its own colour
    if (layer.kind === "dots") return { color: "#fff", weight: 0.9, interactive: false, fillColor: item.colour, fillOpacity: 1, radius: 2.2 };
    // a dark edge: seen on land of its own colour, and thin enough for the smallest
    return { color: "#1d2329", weight: 0.9, fillColor: item.colour, fillOpacity: 0.95, radius: most > 0 ? Math.max(1.6, LARGEST * part) : 5 };
  }

  function shapesOf(name, layer) {
    const most = scaleOf(layer);
    /* the large ones first, so that a small one is never hidden below */
    const items = layer.shapes.filter((item) => drawn(layer, item, most)).sort((a, b) => b.size - a.size);
    const group = L.layerGroup();
    for (const item of items) {
      const style = { pane: "vectors", ...styleOf(layer, item, most), className: `cdrmap-v cdrmap-v-${layer.kind}` };
      L.geoJSON(shape(item.geometry), {
        style, pane: "vectors", interactive: layer.kind !== "area" && layer.kind !== "dots",
        pointToLayer: (_, at) => L.circleMarker(at, style),
      }).eachLayer((made) => {
        group.addLayer(made);
        if (layer.kind === "area" || layer.kind === "dots") return;
        made.bindPopup(() => element("div", { class: "cdrmap-brief" },
          element("strong", {}, item.title), WHY.list(item.facts)), { maxWidth: 280, ...CLEAR });
        made.bindTooltip(() => element("span", {}, item.title), { sticky: true });
        made.on("add", () => named(made, [item.title, ...item.facts.map(([what, value]) => `${what}: ${value}`)].join(", ")));
      });
    }
    return group;
  }

  /* All shapes are one tab stop: the arrow keys go from one to the next, the largest first. */
  const pane = map.getPane("vectors"), madeOf = new WeakMap();
  const shapes = () => [...pane.querySelectorAll("path[aria-label]")];
  function named(made, name) {
    const path = made.getElement();
    for (const [key, value] of [["role", "button"], ["tabindex", "-1"], ["aria-label", name]]) path.setAttribute(key, value);
    madeOf.set(path, made);
  }
  function stopAt(path) {
    for (const one of shapes()) one.setAttribute("tabindex", one === path ? "0" : "-1");
  }
  pane.addEventListener("keydown", (event) => {
    const all = shapes(), at = all.indexOf(event.target);
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (at < 0 || !(step || event.key === "Enter" || event.key === " ")) return;
    event.preventDefault();
    event.stopPropagation();
    if (!step) return madeOf.get(event.target).openPopup();
    const next = all[(at + step + all.length) % all.length];
    stopAt(next);
    next.focus();
  });

  const groups = new Map();
  function toggle(box) {
    const name = box.value;
    if (!groups.has(name)) groups.set(name, shapesOf(name, data.vectors[name]));
    if (box.checked && !hidden(name)) {
      groups.get(name).addTo(map);
      order();
    } else groups.get(name).remove();
    stopAt(shapes()[0]);
    drawSigns();
  }
  /* areas below lines below points, however they were switched on */
  function order() {
    for (const [name, layer] of Object.entries(data.vectors)) {
      if (layer.kind !== "area" && groups.has(name)) {
        groups.get(name).eachLayer((made) => { if (map.hasLayer(made)) made.bringToFront(); });
      }
    }
  }

  /* ----------------------------------------------------------------- click */

  const places = data.cells ? CELLS.lookup(data.cells.lookup) : null;
  const read = data.cells ? CELLS.store(data.cells) : null;
  let mark = null, asked = 0;

  async function cellAt(lon, lat) {
    if (!places || !places.inside(lon, lat)) return null;
    const [col, row] = places.find(lon, lat).map(Math.floor);
    const { rows, cols, inside, shared, methods } = data.cells;
    if (col < 0 || row < 0 || col >= cols || row >= rows) return null;
    const here = (which) => read(which, row * cols + col);
    if (!(await here(inside))) return null;
    const found = { row, col, told: await WHY.told(shared, here), methods: {} };
    for (const [name, group] of Object.entries(methods)) {
      found.methods[name] = await WHY.told(group, here, found.told.facts);
    }
    [found.lon, found.lat] = places.back(col + 0.5, row + 0.5, lon, lat);
    return found;
  }

  function outline({ col, row, lon, lat }) {
    const corners = [[0, 0], [1, 0], [1, 1], [0, 1]].map(([u, v]) => places.back(col + u, row + v, lon, lat));
    if (mark) mark.remove();
    mark = L.polygon(corners.map(([x, y]) => [y, x]), {
      pane: "cell", interactive: false, color: "#111", weight: 2, fill: false, className: "cdrmap-cell",
    }).addTo(map);
  }

  async function explain(at, withBubble = true) {
    const turn = ++asked;
    const { lng, lat } = at.wrap();
    const found = await cellAt(lng, lat);
    if (turn !== asked) return;
    if (mark) mark.remove();
    const bubble = L.popup({ maxWidth: 280, ...CLEAR }).setLatLng(at);
    if (!found) {
      const text = say("map.why.outside");
      why.replaceChildren(element("p", {}, text));
      if (withBubble) bubble.setContent(element("p", {}, text)).openOn(map);
      return;
    }
    outline(found);
    why.replaceChildren(...WHY.full(data, found));
    why.dataset.cell = `${found.row},${found.col}`;
    if (withBubble) {
      const content = WHY.brief(found);
      const more = element("button", { type: "button", class: "cdrmap-more" }, say("map.why.more"));
      more.addEventListener("click", () => { why.scrollIntoView({ block: "nearest" }); why.focus(); });
      if (data.methods.length || found.told.rows.length > 6) content.append(more);
      bubble.setContent(content).openOn(map);
    }
  }

  if (places) {
    map.on("click", (event) => explain(event.latlng));
    stage.addEventListener("keydown", (event) => {
      if (event.target !== stage || (event.key !== "Enter" && event.key !== " ")) return;
      event.preventDefault();
      explain(map.getCenter());
    });
  }

  /* -------------------------------------------------------------- controls */

  for (const input of root.querySelectorAll("input[type=radio]")) input.addEventListener("change", show);
  for (const box of root.querySelectorAll("input[type=checkbox]")) {
    box.addEventListener("change", () => toggle(box));
    if (box.checked) toggle(box);
  }
  slider?.addEventListener("input", showYear);
  strength.addEventListener("input", () => {
    if (picture) picture.setOpacity(Number(strength.value) / 100);
    document.getElementById("cdrmap-percent").textContent = `${strength.value}\u202f%`;
  });
  /* on a phone the map itself comes first */
  const folded = root.querySelector("details");
  if (folded && matchMedia("(max-width: 48rem)").matches) folded.open = false;
  show();
  new ResizeObserver(() => {
    map.invalidateSize({ animate: false });
    if (!fitted) fit();
  }).observe(stage);
  /* on paper the map is as wide as the page, and shows the whole region */
  let before = null;
  /* what is folded away has values too: paper shows them all */
  let unfolded = [];
  window.addEventListener("beforeprint", () => {
    unfolded = [...document.querySelectorAll("details:not([open])")];
    for (const one of unfolded) one.open = true;
    before = [map.getCenter(), map.getZoom()];
    stage.classList.add("cdrmap-paper");
    map.invalidateSize({ animate: false });
    frame();
  });
  window.addEventListener("afterprint", () => {
    for (const one of unfolded) one.open = false;
    stage.classList.remove("cdrmap-paper");
    map.invalidateSize({ animate: false });
    if (before) map.setView(before[0], before[1], { animate: false });
  });
  /* for those who look deeper: the browser's console can ask for any place */
  window.cdrsiteMap = { map, cellAt, explain: (lon, lat) => explain(L.latLng(lat, lon)) };
  root.dataset.ready = "yes";
})();
