/* Addresses: state of the page → query string, and back. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { changed, FIRST, read, same, write } from "../../../ui/static/common/query.js";

test("an address says which tab is open, what Search asks, and what others have put there", () => {
  assert.deepEqual(read("?q=the+ship&meaning=0.2&tab=map&dim=3&__theme=dark"), {
    tab: "map",
    question: "?q=the+ship&meaning=0.2",
    others: [
      ["dim", "3"],
      ["__theme", "dark"],
    ],
  });
  assert.deepEqual(read(""), { tab: FIRST, question: "", others: [] });
});

test("an address is written as it was read", () => {
  for (const search of [
    "",
    "?q=der+Baum+%26+%E2%80%9Cmehr%E2%80%9D%3F",
    "?like=17&library=interviews",
    "?q=%D9%82%D8%B7%D8%A7%D8%B1+%231&speaker=Anna+%26+Bert&tag=sea&from=1962&to=1965&meaning=0.8&sort=time",
    "?q=storm&__theme=dark",
    "?q=storm&tab=about",
  ])
    assert.deepEqual(new URLSearchParams(write(read(search), {})), new URLSearchParams(search), search);
});

test("how the open tab is set stands over what Search asks, and the rest of that stays", () => {
  const address = { tab: "live", question: "?q=storm&library=interviews&category=news", others: [] };
  assert.equal(write(address, { library: "talks", category: "" }), "?q=storm&library=talks&tab=live");
  assert.equal(write({ ...address, tab: FIRST }, { library: "talks" }), address.question);
});

test("a question that must not be seen leaves what others have put there", () => {
  const others = /** @type {[string, string][]} */ ([["__theme", "dark"]]);
  assert.equal(write({ tab: FIRST, question: "", others }, {}), "?__theme=dark");
  assert.equal(write({ tab: FIRST, question: "", others: [] }, {}), "");
});

test("settings are put into a query string, and nothing takes them away", () => {
  assert.equal(
    changed("?tab=map&by=language&dim=3", { by: "speaker", dim: "", off: "0.4" }),
    "?tab=map&by=speaker&off=0.4",
  );
  assert.equal(changed("?by=language", { by: "" }), "");
  assert.equal(changed("", {}), "");
});

test("a question is another one when one of some names says something else", () => {
  const names = ["q", "like", "library"];
  assert.ok(same("?q=storm&sort=time", "?meaning=0.2&q=storm", names));
  assert.ok(!same("?q=storm", "?q=storms", names));
  assert.ok(!same("?q=storm", "?q=storm&library=talks", names));
});
