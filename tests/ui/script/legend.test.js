/* What of the map's legend is switched off, as the address has it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { read, write } from "../../../ui/static/map/legend.js";

test("what is switched off is read as it was written", () => {
  for (const [off, extra, text] of [
    [[], null, ""],
    [[0], null, "0"],
    [[3, 0, -1], null, "3.0.-1"],
    [[3, -1], 23, "3.-1_23"],
  ]) {
    assert.equal(write(off, extra), text);
    assert.deepEqual(read(text), [new Set(off), extra]);
  }
});
