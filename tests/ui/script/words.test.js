/* Words of a transcript: their places, what is found among them, and the moment of an address. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { last, moment, occurrences, pieces, placed, plain } from "../../../ui/static/recording/words.js";

/**
 * What is found of something in a text, as it stands there.
 * @param {string} text
 * @param {string} sought
 */
const found = (text, sought) => occurrences(plain(text), sought).map(({ from, to }) => text.slice(from, to));

test("the last number that is not above another one", () => {
  const numbers = [1, 2, 2, 5];
  for (const [most, place] of [
    [0.9, -1],
    [1, 0],
    [2, 2],
    [4.9, 2],
    [5, 3],
    [99, 3],
  ])
    assert.equal(last(numbers, most), place);
  assert.equal(last([], 3), -1);
});

test("words stand in a text one after the other", () => {
  const text = "The fog, the thick fog.";
  const spans = placed(text, [" The", " fog,", " the", " sea", " fog."]);
  assert.deepEqual(
    spans.map((span) => span && text.slice(span.from, span.to)),
    ["The", "fog,", "the", null, "fog."],
  );
  assert.equal(spans[4]?.from, 19);
  assert.deepEqual(
    placed("私は船を見た", ["私", "は", "船"]).map((span) => span?.from),
    [0, 1, 2],
  );
});

test("something is found whatever its letters' size and accents", () => {
  assert.deepEqual(found("Ein Café, das CAFE hieß", "cafe"), ["Café", "CAFE"]);
  assert.deepEqual(found("Cafe\u0301 zu", "é z"), ["e\u0301 z"]);
  assert.deepEqual(found("İstanbul 🎈 İstanbul", "istanbul"), ["İstanbul", "İstanbul"]);
  assert.deepEqual(found("🎈🎈 ferry", "ferry"), ["ferry"]);
  assert.deepEqual(found("aaaa", "aa"), ["aa", "aa"]);
  assert.deepEqual(found("anything", ""), []);
});

test("a text is cut at words and at what was found, and nothing of it is lost", () => {
  const text = "In the fog.";
  const words = placed(text, ["In", "the", "fog."]);
  const cut = pieces(text.length, words, occurrences(plain(text), "he f"));
  assert.deepEqual(
    cut.map(({ from, to, word, found }) => [text.slice(from, to), word, found]),
    [
      ["In", 0, false],
      [" ", -1, false],
      ["t", 1, false],
      ["he", 1, true],
      [" ", -1, true],
      ["f", 2, true],
      ["og.", 2, false],
    ],
  );
  assert.deepEqual(pieces(3, [], []), [{ from: 0, to: 3, word: -1, found: false }]);
});

test("the moment of an address", () => {
  assert.equal(moment("#t=61.2"), 61.2);
  assert.equal(moment("#t=0"), 0);
  for (const hash of ["", "#", "#t=", "#t=-3", "#t=1e3", "#t=6 1", "#transcript"]) assert.equal(moment(hash), null);
});
