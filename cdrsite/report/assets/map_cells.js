/* Numbers of the cells: unpacking, and which cell lies at a place. */
"use strict";

const CELLS = (() => {
  function bytesOf(text) {
    const raw = atob(text);
    const bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
    return bytes;
  }

  /* Deflate (RFC 1951) for browsers without DecompressionStream. */
  function inflate(input, size) {
    const out = new Uint8Array(size);
    let at = 0, bit = 0, hold = 0, end = 0;
    const need = (n) => {
      while (bit < n) { hold |= input[at++] << bit; bit += 8; }
      const value = hold & ((1 << n) - 1);
      hold >>>= n; bit -= n;
      return value;
    };
    const tree = (lengths) => {
      const count = new Uint16Array(16), next = new Uint16Array(16);
      const symbols = new Uint16Array(lengths.length);
      for (const length of lengths) count[length]++;
      count[0] = 0;
      for (let i = 1; i < 16; i++) next[i] = next[i - 1] + count[i - 1];
      lengths.forEach((length, symbol) => { if (length) symbols[next[length]++] = symbol; });
      return { count, symbols };
    };
    const symbol = ({ count, symbols }) => {
      let code = 0, first = 0, index = 0;
      for (let length = 1; length < 16; length++) {
        code |= need(1);
        const n = count[length];
        if (code - n < first) return symbols[index + code - first];
        index += n; first = (first + n) << 1; code <<= 1;
      }
      throw new Error("not deflate");
    };
    const LENGTH = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99,
      115, 131, 163, 195, 227, 258];
    const MORE = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
    const BACK = [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025,
      1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577];
    const FURTHER = [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11,
      12, 12, 13, 13];
    const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    const trees = (kind) => {
      if (kind === 1) {
        const fixed = Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8));
        return [tree(fixed), tree(new Array(30).fill(5))];
      }
      const literals = need(5) + 257, distances = need(5) + 1, codes = need(4) + 4;
      const lengths = new Array(19).fill(0);
      for (let i = 0; i < codes; i++) lengths[ORDER[i]] = need(3);
      const meta = tree(lengths), all = [];
      while (all.length < literals + distances) {
        const s = symbol(meta);
        if (s < 16) all.push(s);
        else {
          const [value, n] = s === 16 ? [all[all.length - 1], 3 + need(2)]
            : s === 17 ? [0, 3 + need(3)] : [0, 11 + need(7)];
          for (let i = 0; i < n; i++) all.push(value);
        }
      }
      return [tree(all.slice(0, literals)), tree(all.slice(literals))];
    };
    for (let last = 0; !last;) {
      last = need(1);
      const kind = need(2);
      if (kind === 0) {
        hold = 0; bit = 0;
        const n = input[at] | (input[at + 1] << 8);
        out.set(input.subarray(at + 4, at + 4 + n), end);
        at += 4 + n; end += n;
        continue;
      }
      const [literal, distance] = trees(kind);
      for (let s = symbol(literal); s !== 256; s = symbol(literal)) {
        if (s < 256) { out[end++] = s; continue; }
        const n = LENGTH[s - 257] + need(MORE[s - 257]);
        const d = symbol(distance);
        const from = end - (BACK[d] + need(FURTHER[d]));
        for (let i = 0; i < n; i++) out[end++] = out[from + i];
      }
    }
    return out;
  }

  async function unpacked(bytes, size) {
    if (typeof DecompressionStream === "function") {
      try {
        const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
        return new Uint8Array(await new Response(stream).arrayBuffer());
      } catch (_) { /* older ones know no deflate-raw */ }
    }
    return inflate(bytes, size);
  }

  /* Codes of a packed array, one per cell. */
  async function codesOf(packed, count) {
    const data = await unpacked(bytesOf(packed.data), packed.wide ? 2 * count : count);
    const codes = new Uint16Array(count);
    const mask = packed.wide ? 0xffff : 0xff;
    for (let i = 0, before = 0; i < count; i++) {
      let code = packed.wide ? data[i] | (data[i + count] << 8) : data[i];
      if (packed.delta) code = (before + code) & mask;
      codes[i] = before = code;
    }
    return codes;
  }

  /* A whole number, or one of so many significant digits: 0 for none, 1 for zero, then by size. */
  function valueOf(packed, stored) {
    const code = packed.table ? packed.table[stored] : stored;
    if (!packed.digits) return code;
    if (code < 2) return code ? 0 : NaN;
    const first = 10 ** (packed.digits - 1), size = (code - 2) % packed.span;
    const power = packed.low + Math.floor(size / (9 * first)), whole = first + (size % (9 * first));
    return Number(`${code - 2 < packed.span ? "" : "-"}${whole}e${power}`);
  }

  /* Value of an array in a cell; each array is unpacked when it is first asked for. */
  function store({ arrays, rows, cols }) {
    const kept = new Map();
    return async (which, index) => {
      if (!kept.has(which)) kept.set(which, codesOf(arrays[which], rows * cols));
      return valueOf(arrays[which], (await kept.get(which))[index]);
    };
  }

  /* Fractional column and row of a place, and back. */
  function lookup(packed) {
    const nodes = new Float32Array(bytesOf(packed.nodes).buffer);
    const { n, bounds: [west, south, east, north] } = packed;
    const at = (part, i, j) => nodes[part * n * n + i * n + j];
    const clip = (v) => Math.min(Math.max(v, 0), n - 1 - 1e-9);
    const find = (lon, lat) => {
      const across = clip(((lon - west) / (east - west)) * (n - 1));
      const up = clip(((lat - south) / (north - south)) * (n - 1));
      const i = Math.floor(up), j = Math.floor(across), u = up - i, v = across - j;
      return [0, 1].map((part) =>
        (at(part, i, j) * (1 - v) + at(part, i, j + 1) * v) * (1 - u) +
        (at(part, i + 1, j) * (1 - v) + at(part, i + 1, j + 1) * v) * u);
    };
    const inside = (lon, lat) => lon >= west && lon <= east && lat >= south && lat <= north;
    /* Newton's method: the lookup is all but linear. */
    const back = (col, row, lon, lat) => {
      const h = (east - west) / (n - 1) / 50;
      for (let k = 0; k < 8; k++) {
        const [c, r] = find(lon, lat);
        const [cx, rx] = find(lon + h, lat), [cy, ry] = find(lon, lat + h);
        const a = (cx - c) / h, b = (cy - c) / h, d = (rx - r) / h, e = (ry - r) / h;
        const det = a * e - b * d;
        if (!det) break;
        lon += ((col - c) * e - b * (row - r)) / det;
        lat += (a * (row - r) - (col - c) * d) / det;
      }
      return [lon, lat];
    };
    return { find, inside, back };
  }

  return { store, lookup, inflate, bytesOf };
})();
