"""The about tab tells of the model and the libraries that are there."""

import re
from pathlib import Path

from playwright.sync_api import Browser, expect

import clasp
from clasp.model import BUNDLED
from tests.ui.conftest import looked_at
from ui.about import tab

CARD = """# A model

| not | this |
|---|---|
| one | 1 |

## Measured

Some words.

| test | queries | search with transcripts |
|---|---|---|
| its own words | 30 | **.75** |
| another | 3 | |

| later | table |
|---|---|
| x | y |
"""


def test_it_tells_of_model_and_libraries(browser: Browser, address: str, bundled: clasp.Clasp) -> None:
    with looked_at(browser, address, [], "?tab=about") as page:
        facts = page.locator(".running:not(.wait)")
        expect(facts).to_contain_text(f"{bundled.dim} dimensions: {bundled.meaning_dim} for meaning")
        expect(facts).to_contain_text(f"{len(bundled.languages)} languages")
        expect(facts).to_contain_text(f"{str(bundled.device).upper()}, {str(bundled.precision).removeprefix('torch.')}")
        expect(facts).to_contain_text("909 recordings, 1,174 utterances")
        (row,) = re.findall(r"\| its own words .*", (BUNDLED / "README.md").read_text())
        hits = float(row.split("|")[3].strip(" *"))
        expect(page.locator(".measures dt").first).to_have_text(f"{100 * hits:.0f}%")
        expect(page.locator(".measures dt")).to_have_count(4)
        page.get_by_role("tab", name="Search").click()
        page.get_by_role("link", name="Privacy").click()
        expect(page.get_by_role("heading", name="Privacy")).to_be_visible()
        assert page.url == f"{address}?tab=about"


def test_only_the_table_of_what_was_measured_is_read(tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    card.write_text(CARD, encoding="utf-8")
    table = tab.tests(card)
    assert set(table) == {"its own words", "another"}
    assert table["its own words"]["search with transcripts"] == ".75"
    assert tab.tests(tmp_path / "none.md") == {}


def test_a_model_that_was_never_measured_says_so(bundled: clasp.Clasp, tmp_path: Path) -> None:
    bundled.save(tmp_path)
    assert [number for number, _ in tab.measured(clasp.load(tmp_path))] == ["10%"]  # of the calibration, not the card
    (tmp_path / "README.md").write_text(CARD, encoding="utf-8")
    number, sentence = tab.measured(clasp.load(tmp_path))[0]
    assert number == "75%" and "among 1,000 of people" in sentence
