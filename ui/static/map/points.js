/* The points of a library's map, as the server sends them: what is packed how, index/points.py says. */
"use strict";

window.clasp ??= {};

clasp.points = (() => {
  const ONE = 32_767; // of a packed coordinate
  const NOWHERE = -32_768;
  const KINDS = {
    float64: Float64Array,
    float32: Float32Array,
    int16: Int16Array,
    int32: Int32Array,
    uint16: Uint16Array,
    uint32: Uint32Array,
  };
  const known = new Map(); // promises of points, by key

  /* Those of the library that `key` stands for; {text, labels, regions …} of the head, and a typed array per column. */
  function points(key) {
    if (!known.has(key)) known.set(key, fetched(key).catch((error) => (known.delete(key), Promise.reject(error))));
    return known.get(key);
  }

  async function fetched(key) {
    const reply = await fetch(`map/${encodeURIComponent(key)}`).catch(() => {
      throw new Error("The map could not be fetched: is the server still running?");
    });
    if (!reply.ok) {
      const told = await reply.json().catch(() => ({}));
      throw new Error(told.error ?? "The map could not be fetched.");
    }
    return unpacked(await reply.arrayBuffer(), key);
  }

  function unpacked(bytes, key) {
    const length = new DataView(bytes).getUint32(0, true);
    const { columns, ...head } = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, length)));
    const column = {};
    for (const [name, [kind, first, count]] of Object.entries(columns))
      column[name] = new KINDS[kind](bytes, 4 + length + first, count);
    const { flat, solid, flat_text, solid_text, ...rest } = column;
    const rows = new Map();
    column.id.forEach((id, row) => rows.set(id, row));
    const points = {
      key,
      ...head,
      ...rest,
      flat: places(flat),
      solid: places(solid),
      flatText: places(flat_text),
      solidText: places(solid_text),
      row: (id) => rows.get(id),
      sound: (row, around) => sound(points, row, around),
    };
    return points;
  }

  /* Where an utterance is heard, with some seconds around it: all that the player must know besides its name. */
  function sound(points, row, around) {
    const recording = points.recording[row];
    const [start, end] = [Math.max(0, points.start[row] - around), points.end[row] + around];
    const src = `audio/${encodeURIComponent(points.key)}/${encodeURIComponent(points.names.recording[recording])}`;
    return { src, start, end };
  }

  const places = (packed) => Float32Array.from(packed, (step) => (step === NOWHERE ? NaN : step / ONE));

  points.forget = (key) => known.delete(key);
  return points;
})();
