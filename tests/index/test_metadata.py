"""Dates, languages and names as people write them: what is kept of each, and what is asked about."""

import pytest

from clasp.errors import DataError
from index import dates, languages
from index.metadata import LONGEST, checked, plain_name, tags

DATES = {
    "": "", "1962": "1962", "1962-05": "1962-05", "1962-05-01": "1962-05-01", "1962-5-1": "1962-05-01",
    "1962/05/01": "1962-05-01", "1962.05.01": "1962-05-01", "19620501": "1962-05-01", "2024-02-29": "2024-02-29",
    "01.05.1962": "1962-05-01", "1. 5. 1962": "1962-05-01", "5.13.1975": "1975-05-13", "13/1/1975": "1975-01-13",
    "1/13/1975": "1975-01-13", "5/5/1975": "1975-05-05", "05/1962": "1962-05", "1962-05-01T10:00:00Z": "1962-05-01",
    "1962-05-01 00:00:00": "1962-05-01", "5/13/1975 10:30 AM": "1975-05-13", "1 May 1962": "1962-05-01",
    "May 1st, 1962": "1962-05-01", "May 1962": "1962-05", "Tuesday, 1 May 1962": "1962-05-01",
    "1. Mai 1962": "1962-05-01", "März 1962": "1962-03", "1er mai 1962": "1962-05-01",
    "1 de mayo de 1962": "1962-05-01", "1 мая 1962": "1962-05-01", "1962年5月1日": "1962-05-01", "1962年5月": "1962-05",
    "ca. 1962": "1962", "c1962": "1962", "um 1962": "1962", "1962?": "1962", "[1962?]": "1962", "1962 (?)": "1962",
    "ca. 1 May 1962": "1962-05-01", "Spring 1962": "1962", "early 1962": "1962", "1962-05-00": "1962-05",
    "1962-05-01/1962-05-03": "1962-05", "1962-05-01 - 1962-06-03": "1962", "1-3 May 1962": "1962-05",
    "1./2. Mai 1962": "1962-05", "1.V.1962": "1962-05-01", "1-V-1962": "1962-05-01",
    "1962_05_01": "1962-05-01", "1º de maio de 1962": "1962-05-01", "30 April – 2 May 1962": "1962",
    "28 April – 30 April 1962": "1962-04", "V.1962": "1962-05", "1962. 5. 1.": "1962-05-01",
    "1962-05-01 10:00:00 CET": "1962-05-01", "1962-05-01T10:00:00+02:00": "1962-05-01",
    "1962-05-01T00:00:00Z[UTC]": "1962-05-01", "19620501T100000Z": "1962-05-01", "20240501_103000": "2024-05-01",
    "2024-05-01 10-30-00": "2024-05-01", "2024-05-01_10.30.00": "2024-05-01", "May 5 1962": "1962-05-05",
    "1962:05:01 10:00:00": "1962-05-01", "2024\u201105\u201101": "2024-05-01", "1962-05-01~": "1962-05-01",
    "1962-05-XX": "1962-05", "1962 г.": "1962", "1962 AD": "1962", "Sommer 1962": "1962", "Q2 1962": "1962",
    "1.5.1962, 10:00 Uhr": "1962-05-01", "1.5.1962 10 Uhr": "1962-05-01", "May 1, 1962 at 10:30 AM": "1962-05-01",
    "Tue May 01 1962 10:00:00 GMT+0200 (CEST)": "1962-05-01", "(1962)": "1962", "1962 ca.": "1962",
    "Dienstag, den 1. Mai 1962": "1962-05-01", "el 1 de mayo de 1962": "1962-05-01", "probably 1962": "1962",
    "recorded in May 1962": "1962-05", "℗ 1962": "1962", "May 1-3, 1962": "1962-05", "May 1 and 2, 1962": "1962-05",
    "1.-3.5.1962": "1962-05", "30.4.-2.5.1962": "1962", "May/June 1962": "1962", "Summer/Fall 1962": "1962",
    "from 1962-05-01 to 1962-05-03": "1962-05", "1962 Q2": "1962", "Q2/1962": "1962", "1962 spring": "1962",
    "Winter 1962": "1962", "hiver 1962": "1962", "1962-24": "1962", "20240501-083000": "2024-05-01",
    "1 V 1962": "1962-05-01",
    "1.5.1962/2.5.1962": "1962-05", "1962-05-01 & 1962-05-03": "1962-05", "May 1 – June 2, 1962": "1962",
    "between May and July 1962": "1962", "1.10.1962 r.": "1962-10-01", "1962-05-01 [approximate]": "1962-05-01",
    "rec. 1962": "1962",
    "late May 1962": "1962-05", "Anfang Mai 1962": "1962-05",
    "1962年5月1日(火)": "1962-05-01", "昭和37年5月1日": "1962-05-01", "11 मई 1962": "1962-05-11",
}  # fmt: skip


@pytest.mark.parametrize("text", DATES)
def test_dates(text: str) -> None:
    assert dates.iso(text) == DATES[text]
    assert dates.iso(DATES[text]) == DATES[text]


NO_DATES = (
    "62", "1962-13", "2023-02-29", "31.02.1962", "31/02/1962", "0000", "196205", "yesterday", "May", "1 May", "1920-21",
    "1962-63", "before 1962", "take 2 1962", "1 and 2 May 1962", "x" * 10_000,
)  # fmt: skip


@pytest.mark.parametrize("text", NO_DATES)
def test_what_is_no_date(text: str) -> None:
    with pytest.raises(DataError, match="is no date: write a year") as error:
        dates.iso(text)
    assert len(str(error.value)) < 120


@pytest.mark.parametrize("text", ["1/5/62", "1 May 62", "1-May-62", "May-62"])
def test_a_year_of_two_digits_is_asked_about(text: str) -> None:
    with pytest.raises(DataError, match="leaves the century open: write the year with four digits"):
        dates.iso(text)


@pytest.mark.parametrize(
    "text",
    [
        "1962-1965",
        "1962–1965",
        "between 1962 and 1965",
        "1962 to 1965",
        "1962 or 1963",
        "1962-12-31/1963-01-01",
        "1962/1963",
        "1960s",
        "the mid-1960s",
        "1960er Jahre",
        "années 1960",
        "196-",
        "[196-?]",
        "196X",
    ],
)
def test_a_span_of_years_is_no_date(text: str) -> None:
    with pytest.raises(DataError, match="spans several years: write one of them"):
        dates.iso(text)


def test_a_day_that_a_spreadsheet_counts_is_asked_about() -> None:
    with pytest.raises(DataError, match="perhaps 1962-05-01, or 1966-05-02"):
        dates.iso("22767")


@pytest.mark.parametrize("text", ["1341-02-11", "2505", "0062"])
def test_a_year_of_another_calendar_is_asked_about(text: str) -> None:
    with pytest.raises(DataError, match="Gregorian"):
        checked({"date": text})


@pytest.mark.parametrize("text", ["5/1/1975", "5-1-1975", "05/01/1975", "5/1/1975 10:30"])
def test_a_date_that_can_be_two_is_asked_about(text: str) -> None:
    with pytest.raises(DataError, match="can be 5 January 1975 or 1 May 1975: write 1975-01-05 or 1975-05-01"):
        dates.iso(text)
    assert (dates.iso(text, first="day"), dates.iso(text, first="month")) == ("1975-01-05", "1975-05-01")


def test_dates_of_one_hand() -> None:
    assert dates.order(["5/1/1975", "13/1/1975", "1.13.1975"]) == "day"
    assert dates.order(["5/1/1975", "1/13/1975"]) == "month"
    assert dates.order(["13/1/1975", "1/13/1975"]) is dates.order(["5/1/1975"]) is None


LANGUAGES = {
    "": "", "und": "", "en": "en", "EN": "en", "eng": "en", "English": "en", "english ": "en", "Englisch": "en",
    "anglais": "en", "en_US": "en-US", "en-us": "en-US", "en_US.UTF-8": "en-US", "American English": "en-US",
    "English (United Kingdom)": "en-GB", "ger": "de", "deu": "de", "Deutsch": "de", "Swiss German": "gsw",
    "Brazilian Portuguese": "pt-BR", "Português": "pt", "日本語": "ja", "Chinese (Traditional)": "zh-Hant", "iw": "he",
    "Farsi": "fa", "Norwegian Bokmål": "nb", "Haitian Creole": "ht", "English language": "en",
    "English - United Kingdom": "en-GB", "English, United States": "en-US", "[English]": "en", "English;": "en",
    "English [eng]": "en", "eng - English": "en", "http://id.loc.gov/vocabulary/iso639-2/eng": "en",
    "en (GB)": "en-GB", "ISO 639-3: deu": "de",
    "Spanish; Castilian": "es", "Dutch; Flemish": "nl", "English (?)": "en", "English (RP)": "en", "English?": "en",
    "Русский язык": "ru", "mul": "", "zxx": "", "Unknown": "", "American Sign Language": "ase",
}  # fmt: skip


@pytest.mark.parametrize("text", LANGUAGES)
def test_languages(text: str) -> None:
    assert languages.tag(text) == LANGUAGES[text]


@pytest.mark.parametrize("text", ["xx", "a", "1", "Narnian", "English interviews", "x-y", "*"])
def test_what_is_no_language(text: str) -> None:
    with pytest.raises(DataError, match="is no language"):
        languages.tag(text)


@pytest.mark.parametrize("text", ["English/German", "en, de", "English and German", "en;de", "en|de"])
def test_of_several_languages_one_is_asked_for(text: str) -> None:
    with pytest.raises(DataError, match="names several languages: write the one that is spoken most"):
        languages.tag(text)


@pytest.mark.parametrize(
    ("one", "other"), [("pt-BR", "pt"), ("cmn", "zh-Hans"), ("nb", "no"), ("English", "en-GB"), ("pes", "fa")]
)
def test_one_language(one: str, other: str) -> None:
    assert languages.same(one, other) and languages.same(other, one)


def test_two_languages() -> None:
    assert not any(languages.same(*pair) for pair in (("en", "de"), ("", ""), ("", "en"), ("es", "pt"), ("ido", "id")))


def test_what_a_language_includes() -> None:
    assert all(languages.includes("en", one) for one in ("en", "en-US", "en-GB"))
    assert languages.includes("en-US", "en-US") and languages.includes("zh", "cmn")
    assert not any(languages.includes("en-US", one) for one in ("en", "en-GB", "de", ""))


def test_facts_are_lines() -> None:
    facts = checked({"title": " The\nharbour\0 ", "speaker": "Ju\u0308rgen", "category": "", "date": "May 1962"})
    assert facts == {"title": "The harbour", "speaker": "Jürgen", "category": "", "date": "1962-05"}
    with pytest.raises(DataError, match="needs a title"):
        checked({"title": " \n"})
    with pytest.raises(DataError, match=f"write {LONGEST} at most"):
        checked({"category": "x" * (LONGEST + 1)})
    assert plain_name("Science_Fiction") == plain_name("science fiction")


def test_tags_are_each_there_once() -> None:
    text = " #Oral history;harbour | ORAL history,, 1962；海 ; # "
    assert tags(text) == ("Oral history", "harbour", "1962", "海")
    assert checked({"tags": text}) == {"tags": "Oral history, harbour, 1962, 海"}
    assert checked({"tags": " ;, # "}) == {"tags": ""}
    with pytest.raises(DataError, match=f"write {LONGEST} at most"):
        checked({"tags": f"harbour, {'x' * (LONGEST + 1)}"})
