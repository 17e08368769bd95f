"""Points of a map as the page unpacks, draws and selects them."""

import json
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from index.map.wire import from_bytes
from tests.ui.conftest import looked_at
from ui import script

MANY = 50_000
BOX = {"x": 40, "y": 60, "width": 600, "height": 420}
POINTS = script.module("map/points")
# A drawing of the demo library, or of MANY points, alone above the page, with its style
BEGIN = """async ({ box, many }) => {
  document.querySelector('#trial')?.remove();
  window.trial?.view.free();
  const field = document.createElement('div');
  field.id = 'trial';
  const place = { position: 'fixed', zIndex: 9999, background: 'white' };
  Object.assign(field.style, place, { left: `${box.x}px`, top: `${box.y}px` });
  Object.assign(field.style, { width: `${box.width}px`, height: `${box.height}px` });
  const plot = document.createElement('div');
  plot.style.cssText = 'position: absolute; inset: 0';
  field.append(plot);
  document.querySelector('.contain').append(field);
  const [{ fetchPoints }, { draw }] = await Promise.all([POINTS, DRAWING]);
  let points = await fetchPoints('demo');
  if (many) {
    const grow = (values, width, spread) => {
      const made = new values.constructor(many * width);
      for (let n = 0; n < made.length; n++) {
        const from = values[(Math.floor(n / width) % points.count) * width + (n % width)];
        made[n] = from + (spread ? 0.03 * Math.sin(n * 12.9898) : 0);
      }
      return made;
    };
    const grown = { count: many, id: Float64Array.from({ length: many }, (_, n) => n + 1) };
    for (const name of ['category', 'language', 'speaker', 'recording', 'start', 'end'])
      grown[name] = grow(points[name], 1, false);
    for (const [name, width] of [['flat', 2], ['flatText', 2], ['solid', 3], ['solidText', 3]])
      grown[name] = grow(points[name], width, true);
    grown.text = Array.from({ length: many }, (_, n) => points.text[n % points.count]);
    points = { ...points, ...grown, row: (id) => id - 1 };
  }
  const told = { clicks: [], hovers: [], selected: [] };
  const began = performance.now();
  const view = await draw(plot, points, {
    click: (row) => told.clicks.push(row),
    hover: (row) => told.hovers.push(row),
    select: (rows) => told.selected.push(rows),
  });
  window.trial = { plot, points, view, told };
  return performance.now() - began;
}""".replace("POINTS", POINTS).replace("DRAWING", script.module("map/drawing"))
# Pixels of the window of every point of the speech, or of the texts, as Plotly's axes have them
PIXELS = """(trace) => {
  const { plot } = trial;
  const { left, top, width, height } = plot.getBoundingClientRect();
  const [[west, east], [south, north]] = [plot.layout.xaxis.range, plot.layout.yaxis.range];
  const { x, y } = plot.data[trace];
  return [...x].map((_, n) => [
    left + ((x[n] - west) / (east - west)) * width,
    top + ((north - y[n]) / (north - south)) * height,
  ]);
}"""
COLOURS = "[...trial.plot.data[1].marker.color]"


@pytest.fixture(scope="module")
def page(browser: Browser, address: str) -> Iterator[Page]:
    with looked_at(browser, address, []) as page:
        page.wait_for_function("Boolean(window.Plotly)")
        yield page


@pytest.fixture
def drawn(page: Page) -> Page:
    """The demo library's map, drawn afresh."""
    page.evaluate(BEGIN, {"box": BOX, "many": 0})
    return page


def test_points_are_unpacked_as_they_were_packed(page: Page) -> None:
    head, columns = from_bytes(page.request.get(page.url.split("?")[0] + "map/demo").body())
    found = page.evaluate(
        f"async () => {{ const {{ fetchPoints }} = await {POINTS};"
        """
          const { flatText, solidText, row, ...points } = await fetchPoints('demo');
          const plain = Object.fromEntries(Object.entries(points).map(([name, values]) =>
            [name, ArrayBuffer.isView(values) ? [...values] : values]));
          return JSON.stringify({ ...plain, rows: points.id.length && [...points.id].map(row),
            flatText: [...flatText].map((x) => Number.isNaN(x) ? null : x), last: solidText.at(-1) });
        }"""
    )
    found = json.loads(found)
    assert found["text"] == head["text"] and found["labels"] == head["labels"] and found["regions"] == head["regions"]
    for name in ("id", "category", "language", "speaker", "recording", "date", "region", "start", "end"):
        assert np.array_equal(found[name], columns[name]), name
    assert found["rows"] == list(range(head["count"]))
    for name in ("flat", "solid"):
        assert np.array(found[name]) == pytest.approx(columns[name] / 32_767, abs=1e-7)
    texts = np.where(columns["flat_text"] == -32_768, np.nan, columns["flat_text"] / 32_767)
    assert np.array(found["flatText"], float) == pytest.approx(texts, abs=1e-7, nan_ok=True)


def test_the_point_under_the_pointer_is_clicked_and_named(drawn: Page) -> None:
    pixels = np.array(drawn.evaluate(PIXELS, 1))
    apart = np.linalg.norm(pixels[:, None] - pixels[None], axis=2) + 1e9 * np.eye(len(pixels))
    row = int(apart.min(axis=1).argmax())
    drawn.mouse.move(*(pixels[row] + 3))
    assert drawn.evaluate("trial.told.hovers.at(-1)") == row
    label = drawn.locator("#trial .map-label")
    assert drawn.evaluate("trial.points.text")[row] in label.inner_text()
    drawn.mouse.click(*(pixels[row] + 3))
    assert drawn.evaluate("trial.told.clicks") == [row]
    drawn.mouse.move(*pixels[row])
    drawn.mouse.down()
    drawn.mouse.move(*(pixels[row] + 40), steps=4)  # moves the map
    drawn.mouse.up()
    assert drawn.evaluate("trial.told.clicks") == [row]
    assert np.array(drawn.evaluate(PIXELS, 1))[row] == pytest.approx(pixels[row] + 40, abs=8)


def test_a_lasso_and_a_box_select_what_lies_inside(drawn: Page) -> None:
    pixels = np.array(drawn.evaluate(PIXELS, 1))
    left, top, right, bottom = BOX["x"] + 150, BOX["y"] + 150, BOX["x"] + 400, BOX["y"] + 380
    inside = (pixels > (left, top)).all(axis=1) & (pixels < (right, bottom)).all(axis=1)
    for drag, way in (
        ("select", [(right, bottom)]),
        ("lasso", [(right, top), (right, bottom), (left, bottom), (left, top)]),
    ):
        drawn.evaluate("(drag) => trial.view.look({ drag })", drag)
        drawn.mouse.move(left, top)
        drawn.mouse.down()
        for place in way:
            drawn.mouse.move(*place, steps=12)
        drawn.mouse.up()
        drawn.wait_for_function("trial.told.selected.length")
        rows = drawn.evaluate("trial.told.selected.splice(0)[0]")
        edge = (np.abs(pixels - (left, top)).min(axis=1) < 2) | (np.abs(pixels - (right, bottom)).min(axis=1) < 2)
        assert set(rows) - set(np.flatnonzero(edge)) == set(np.flatnonzero(inside & ~edge)) and len(rows) > 20, drag
    drawn.evaluate("trial.view.look({ drag: 'select', shown: new Uint8Array(trial.points.count) })")
    drawn.mouse.move(left, top)
    drawn.mouse.down()
    drawn.mouse.move(right, bottom, steps=12)
    drawn.mouse.up()
    drawn.wait_for_function("trial.told.selected.length")
    assert drawn.evaluate("trial.told.selected[0]") == []  # nothing is shown


def test_the_legend_counts_and_colours_every_point(drawn: Page) -> None:
    for fact in ("category", "language", "speaker", "recording", "modality"):
        drawn.evaluate("(by) => trial.view.look({ by })", fact)
        legend = drawn.evaluate("trial.view.legend()")
        assert len({entry["colour"] for entry in legend}) == len(legend) <= 15
        colours = np.array(drawn.evaluate(COLOURS)) // 2
        if fact == "modality":
            assert [entry["count"] for entry in legend] == [len(colours)] * 2
            continue
        assert sum(entry["count"] for entry in legend) == len(colours)
        assert np.bincount(colours.astype(int), minlength=len(legend)).tolist() == [one["count"] for one in legend]
        assert (legend[-1]["code"] == -1) == (fact == "recording")


def test_what_is_not_shown_or_not_chosen_is_faint(drawn: Page) -> None:
    drawn.evaluate("trial.view.look({ shown: Uint8Array.from({ length: trial.points.count }, (_, n) => n % 3 === 0) })")
    faint = np.array(drawn.evaluate(COLOURS)) % 2
    assert np.array_equal(faint == 0, np.arange(len(faint)) % 3 == 0)
    drawn.evaluate("trial.view.mark({ chosen: [0, 1, 6] })")
    assert np.flatnonzero(np.array(drawn.evaluate(COLOURS)) % 2 == 0).tolist() == [0, 6]
    drawn.evaluate("trial.view.mark({ chosen: null })")
    drawn.evaluate("trial.view.look({ shown: null })")
    assert not (np.array(drawn.evaluate(COLOURS)) % 2).any()


def test_marks_lie_where_the_points_are_also_after_zooming(drawn: Page) -> None:
    drawn.evaluate("trial.view.mark({ hits: [5, 9], query: { flat: [0, 0.2], solid: [0, 0, 0] }, spot: 7 })")
    for factor in (None, 0.5, 0):
        if factor is not None:
            drawn.evaluate("(factor) => trial.view.zoom(factor)", factor)
            drawn.wait_for_timeout(100)
        pixels = np.array(drawn.evaluate(PIXELS, 1)) - (BOX["x"], BOX["y"])
        for row, kind in ((5, "hit"), (9, "hit"), (7, "spot")):
            ring = drawn.locator(f"#trial .{kind}[data-row='{row}']")
            centre = [float(ring.get_attribute(name)) for name in ("cx", "cy")]
            assert centre == pytest.approx(pixels[row].tolist(), abs=0.6)
    assert drawn.locator("#trial .query").count() == 1


def test_speech_and_text_of_one_item_are_joined(drawn: Page) -> None:
    drawn.evaluate("trial.view.look({ texts: true })")
    pixels, texts = (np.array(drawn.evaluate(PIXELS, trace), float) for trace in (1, 0))
    row = int(np.argmax(np.linalg.norm(pixels - texts, axis=1)))
    drawn.mouse.move(*texts[row])
    hovered = drawn.evaluate("trial.told.hovers.at(-1)")
    line = drawn.locator("#trial .joint")
    ends = np.array([[float(line.get_attribute(f"{axis}{end}")) for axis in "xy"] for end in (1, 2)])
    assert ends + np.array((BOX["x"], BOX["y"])) == pytest.approx(np.array([pixels[hovered], texts[hovered]]), abs=0.6)
    drawn.mouse.move(2, 2)
    assert line.count() == 0


def test_the_solid_map_and_both_themes(drawn: Page) -> None:
    drawn.evaluate("trial.view.look({ dimensions: 3, texts: true })")
    drawn.evaluate("trial.view.mark({ hits: [1, 2, 3], query: { flat: [0, 0], solid: [0, 0.1, 0.2] } })")
    drawn.wait_for_function("trial.plot.data[2]?.x.length === 3 && trial.plot.data[4].z[0] === 0.2")
    assert drawn.evaluate("trial.plot.data[1].type") == "scatter3d"
    assert drawn.locator("#trial .hit").count() == 0  # Plotly draws them
    drawn.evaluate("trial.view.look({ dimensions: 2 })")
    before = drawn.evaluate("trial.plot.data[1].marker.colorscale[0][1]")
    drawn.locator("[data-theme-toggle]").evaluate("(button) => button.click()")
    drawn.wait_for_function("(before) => trial.plot.data[1].marker.colorscale[0][1] !== before", arg=before)
    now = drawn.evaluate("trial.plot.data[1].marker.colorscale[0][1]").removeprefix("rgba(").split(",")[:3]
    dot = drawn.locator("#map .map-key i").first  # of the same category, in the small map's legend
    shown = dot.evaluate("(dot) => getComputedStyle(dot).backgroundColor").removeprefix("rgb(").rstrip(")").split(", ")
    assert shown == now and drawn.evaluate("trial.view.legend()[0].colour") == dot.evaluate(
        "(dot) => dot.style.background"
    )
    drawn.locator("[data-theme-toggle]").evaluate("(button) => button.click()")
    assert drawn.locator("#trial .hit").count() == 3


@pytest.mark.slow
def test_fifty_thousand_points(page: Page) -> None:
    took = {"draw": page.evaluate(BEGIN, {"box": BOX, "many": MANY})}
    timed = """(work) => { const began = performance.now(); work(trial); return performance.now() - began; }"""
    steps = {
        "recolour": "({ view }) => view.look({ by: 'language' })",
        "dim": "({ view, points }) => view.look({ shown: Uint8Array.from(points.category, (c) => c === 3) })",
        "mark": "({ view }) => view.mark({ hits: [1, 20_000, 49_999], spot: 7 })",
    }
    for name, work in steps.items():
        took[name] = page.evaluate(f"() => ({timed})({work})")
    shown = page.evaluate("[...trial.points.category].map((code) => code === 3)")
    pixels = np.array(page.evaluate(PIXELS, 1))[shown]
    x, y = pixels[np.linalg.norm(pixels - np.median(pixels, axis=0), axis=1).argmin()]  # in the thick of them
    page.mouse.move(x - 110, y - 20)
    began = page.evaluate("performance.now()")
    for n in range(20):
        page.mouse.move(x - 95 + 5 * n, y)
    took["hover"] = (page.evaluate("performance.now()") - began) / 20
    print({name: f"{milliseconds:.0f} ms" for name, milliseconds in took.items()})
    assert page.evaluate("trial.plot.data[1].x.length") == MANY
    assert (np.array(page.evaluate(COLOURS)) % 2 == 0).sum() == page.evaluate(
        "trial.points.category.filter((code) => code === 3).length"
    )
    assert len(page.evaluate("trial.told.hovers")) > 0
    page.evaluate("trial.view.look({ by: 'category', shown: null })")
