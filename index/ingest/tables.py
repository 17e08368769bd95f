"""Tables of what is known of recordings, as spreadsheets and archives write them (.csv, .tsv, .xlsx, .ods).

    table = Table.read(Path("metadata.csv"))
    table.facts("interview.wav")      # ({"title": "Harbour, 1962", "language": "en", "date": "1962-05-01"}, [])
    table.remarks                     # sentences on what was not understood of the whole

Delimiter and encoding are found out; columns have the names that people give them, in some languages, in any order.
"""

import csv
import html
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PureWindowsPath
from typing import Any
from urllib.parse import urlsplit

from clasp.audio.container import SUFFIXES
from clasp.errors import DataError
from clasp.filenames import comparable, readable, suffix
from index import dates
from index.ingest import encodings, ohms, spreadsheets
from index.ingest.captions import STAMP
from index.ingest.clocks import seconds
from index.ingest.cues import Cue, Flaw
from index.metadata import FACTS, checked, is_known

COLUMNS = {
    "file": "file filename filepath path recording audio media audiofile mediafile soundfile videofile sourcefile "
    "originalfilename originalfile video clip wav mp3 url link datei dateiname pfad aufnahme audiodatei fichier "
    "nomdufichier archivo fichero nombredearchivo arquivo nomedoarquivo ficheiro nomefile bestand bestandsnaam plik "
    "nazwapliku fil filnavn filnamn tiedosto soubor fájl dosya файл имяфайла 文件 文件名 ファイル ファイル名 "
    "파일 파일명 파일이름 الملف اسمالملف",
    "title": "title titel titre título titulo titolo tytuł titlerecording recordingtitle titleofrecording "
    "interviewtitle talktitle episodetitle headline tittel otsikko cím název başlık название заголовок 标题 標題 題名 "
    "タイトル 제목 عنوان العنوان",
    "speaker": "speaker speakers speakername voice interviewee interviewees intervieweename narrator narrators "
    "narratorname speaker1 informant consultant storyteller presenter lecturer preacher performer participant guest "
    "sprecher sprecherin redner rednerin befragte befragter interviewte interviewter interviewpartner "
    "interviewpartnerin zeitzeuge zeitzeugin erzähler erzählerin locuteur locutrice intervenant témoin narrateur "
    "hablante locutor entrevistado entrevistada parlante relatore intervistato intervistata spreker geïnterviewde "
    "mówca rozmówca talare taler puhuja haastateltava mluvčí beszélő konuşmacı vorbitor говорящий рассказчик спикер "
    "说话人 讲述人 受访者 話者 語り手 화자 المتحدث",
    "category": "category categories genre topic topics subject subjects theme collection series kategorie rubrik "
    "thema sachgebiet catégorie categorie sujet thème categoría categoria tema kategoria kategori категория тема 类别 "
    "分类 カテゴリ カテゴリー 분류 الفئة",
    "tags": "tag tags keyword keywords schlagwort schlagworte schlagwörter stichwort stichworte stichwörter motclé "
    "motsclés étiquette étiquettes palabraclave palabrasclave etiqueta etiquetas palavrachave palavraschave "
    "parolachiave parolechiave trefwoord trefwoorden słowokluczowe słowakluczowe ключевыеслова теги метки 关键词 "
    "標籤 标签 キーワード タグ 키워드 태그 الكلماتالمفتاحية",
    "language": "language languages lang languagecode languagetag spokenlanguage locale iso639 sprache sprachen langue "
    "langues idioma idiomas lengua lingua taal talen język språk sprog kieli jazyk nyelv limbă limba dil язык языки "
    "语言 語言 言語 언어 اللغة",
    "date": "date recorded recordedon recordedat daterecorded recordingdate recordeddate dateofrecording "
    "dateofinterview interviewdate year dates created createdat datecreated datetime timestamp airdate "
    "broadcastdate datum aufnahmedatum aufgenommen aufnahmejahr sendedatum interviewdatum jahr dateenregistrement "
    "datedenregistrement année fecha fechadegrabación año data dato päivä päivämäärä dátum tarih datanagrania дата "
    "датазаписи год 日期 录制日期 日付 録音日 날짜 التاريخ",
    "start": "start begin tmin starttime begintime timein tcin startzeit anfang beginn von début debut inicio inizio "
    "anfangszeit time timecode timestamp timespan",
    "end": "end stop tmax endtime stoptime timeout tcout ende bis endzeit fin fine final",
    "duration": "duration length dauer durée duración durata",
    "text": "text transcript transcription utterance sentence annotation caption subtitle words dialogue texte texto "
    "testo tekst transkript transkription äußerung текст 文本 テキスト 텍스트",
    "content": "content inhalt contenu",
}  # fmt: skip
"""What columns are called, without spaces, signs and what stands in brackets."""
NAMES: dict[str, frozenset[str]] = {
    name: frozenset(column for column, names in COLUMNS.items() if name in names.split())
    for names in COLUMNS.values()
    for name in names.split()
}
OF_CUES = frozenset(("start", "text"))  # columns of a table that is a transcript
DELIMITERS = ",;\t|^~\x1f "  # the last one where there is no other
SAMPLE = 2**16  # characters by which a delimiter is chosen
SAMPLE_ROWS = 100  # of each sheet, by which one is chosen
HEAD = 10  # rows among which the names of the columns are looked for
_COLUMNS_OF_BLANKS = re.compile(r"(?<=\S)(?: {2,}|\t+ *| +\t+)(?=\S)")
_LINK = re.compile(r'(?:=HYPERLINK\("|\]\()([^"()]+)', re.IGNORECASE)  # what a cell links to, also in Markdown
_NO_ROW = re.compile(r"[:+=-]*-[:+=-]*|\(\d+ rows?\)")  # lines that are drawn, and what databases say of a table
SLOWEST = 0.05  # characters a second; what would be slower is in milliseconds
LONGEST = 60  # characters of what a column is called
DEEPEST = 8  # folders of a path that are looked at
NAMED = 3  # rows that a remark names
Rows = list[tuple[int, dict[str, str]]]  # of facts by column, each with the line in which it ends
Lines = list[tuple[int, list[str]]]  # cells of rows that are not empty


@dataclass
class Table:
    """Rows of facts, by the file that they are about."""

    name: str  # of its file
    rows: Rows = field(default_factory=list)
    columns: frozenset[str] = frozenset()  # of COLUMNS
    remarks: list[str] = field(default_factory=list)  # what was not understood, a sentence each

    names: frozenset[str] = frozenset()  # of the recordings beside it, see `_names`

    @classmethod
    def read(cls, path: Path, recordings: Iterable[str] = ()) -> "Table":
        """The table in a file; what is wrong with it is in its remarks.

        Args:
            recordings: names of the files that it may be about, of those in folders below with these (side-a/b.mp3).
        """
        name = readable(path.name)
        try:
            if suffix(path.name) in spreadsheets.SUFFIXES:
                table = cls(name, names=_names(recordings))
                table._choose(spreadsheets.read(path))
                return table
            if suffix(path.name) in ohms.SUFFIXES:
                facts = ohms.facts(encodings.read(path))
                return cls(name, [(1, facts)], frozenset(facts))
            return cls.parse(name, encodings.read(path), recordings)
        except DataError as error:
            return cls(name, remarks=[] if suffix(path.name) in ohms.SUFFIXES else [str(error)])

    @classmethod
    def parse(cls, name: str, text: str, recordings: Iterable[str] = ()) -> "Table":
        """The table in a text."""
        table = cls(name, names=_names(recordings))
        try:
            rows, unclosed = _rows(text)
            if unclosed:
                table.remarks.append(f"{name}, line {unclosed}: quotation marks do not match; they were taken as text.")
            table._read(rows)
        except csv.Error as error:
            table.remarks.append(f"{name} is not a table that can be read ({error}).")
        return table

    @property
    def of_cues(self) -> bool:
        """Whether it is a transcript: a row for each stretch of a recording."""
        return self.columns >= OF_CUES

    def cues(self, recording: str = "") -> Iterator[Cue | Flaw]:
        """What is said when, of a recording or, if the table names none, of the only one there is. Times are seconds or
        clocks; whole numbers that are too large for seconds are milliseconds."""
        rows = self._of(recording) if "file" in self.columns else self.rows
        times = [_times(row) for _, row in rows]
        lengths = [end - start for start, end in times if start is not None and end is not None]
        whole = not any(re.search(r"[.,:]", row.get(name, "")) for _, row in rows for name in ("start", "end"))
        letters = sum(len(row.get("text", "")) for _, row in rows)
        unit = 1_000 if whole and letters < SLOWEST * sum(lengths) else 1
        for (line, row), (start, end) in zip(rows, times, strict=True):
            if start is None or (end is None and "end" in row):
                yield Flaw(" ".join(row[name] for name in ("start", "end") if name in row), line)
                continue
            length = seconds(row.get("duration", "")) or 0.0
            words = html.escape(row.get("text", ""), quote=False)
            yield Cue(start / unit, (start + length if end is None else end) / unit, words, row.get("speaker", ""))

    def text(self, recording: str, *, only: bool = False) -> str:
        """All that is said in a recording, where the table has that and no times; '' where it has not."""
        if self.of_cues or "text" not in self.columns:
            return ""
        rows = self._of(recording) if "file" in self.columns else self.rows if only else []
        return "\n".join(row["text"] for _, row in rows if "text" in row)

    def facts(self, recording: str, *, only: bool = False) -> tuple[dict[str, str], list[str]]:
        """Facts of a Recording that the table has of a file, and remarks on those that were not understood.

        Args:
            recording: the file's name.
            only: the table is about this one; its row need not name it.
        """
        named = "file" in self.columns
        found = self._of(recording) if named else self.rows[:1] if only else []
        facts: dict[str, str] = {}
        remarks: list[str] = []
        if only and not named and len(self.rows) > 1:
            remarks.append(f"{self.name} has {len(self.rows)} rows and no column 'file': only the first was taken.")
        for line, row in found:
            for fact in FACTS:
                try:
                    value = row.get(fact, "") if is_known(row.get(fact, "")) else ""
                    value = dates.iso(value, self._first) if fact == "date" else value
                    value = checked({fact: value})[fact] if value else ""
                except DataError as error:
                    remarks.append(f"{self.name}, line {line}: {error}")
                    continue
                if value and fact == "tags":  # those of all rows
                    facts[fact] = checked({fact: f"{facts.get(fact, '')},{value}"})[fact]
                elif value and facts.setdefault(fact, value) != value:
                    remarks.append(f"{self.name}, line {line}: another {fact} of the same recording, {value!r}.")
        return facts, remarks

    def unknown(self, files: Iterable[str]) -> str:
        """A remark on the rows that name none of these files, or nothing; '' if there are none."""
        files = frozenset(map(comparable, files))
        whole, bare = ({name for file in group for name in (file, _stem(file))} for group in (files, _names(files)))
        lost = [
            f"{row.get('file', '')!r} (line {line})"
            for line, row in self.rows
            if not {other for name in _files(row) for other in (name, _without_other_suffix(name))}
            & (whole if _has_folder(row) else bare)
            and not {_loosely(name) for name in _files(row)} & {_loosely(file) for file in files}
        ]
        if not lost or "file" not in self.columns:
            return "" if "file" in self.columns or not self.columns else f"{self.name} has no column 'file': not used."
        return f"{self.name} names files that are not beside it: {some(lost)}."

    @cached_property
    def _first(self) -> dates.First | None:
        """What comes first in its dates."""
        return dates.order(row.get("date", "") for _, row in self.rows)

    @cached_property
    def _by_file(self) -> dict[str, Rows]:
        """The rows that name each file, as `comparable` has it; what names one that is not there with the suffix of
        another recording, without that suffix, too."""
        found: dict[str, Rows] = defaultdict(list)
        for line, row in self.rows:
            names = _files(row)
            for name in names if names & self.names else names | set(map(_without_other_suffix, names)):
                found[name].append((line, row))
        return found

    def _of(self, recording: str) -> Rows:
        """The rows that name a file; those that leave out its suffix, or have another one, where none has it. A file in
        a folder below (side-a/interview.mp3) is one that is named with its folder, or by the name that only it has."""
        name = comparable(recording)
        found = self._by_file.get(name) or self._by_file.get(_stem(name)) or []
        folder, _, last = name.rpartition("/")
        if not found and folder and last in self.names:
            named = (self._by_file.get(one, []) for one in (last, _stem(last)))
            bare = ([(line, row) for line, row in rows if not _has_folder(row)] for rows in named)
            found = next(filter(None, bare), [])
        return found or self._alike.get(_loosely(name), [])

    @cached_property
    def _alike(self) -> dict[str, Rows]:
        """The rows that name no file that is there, by names that are written much like those of one."""
        stems = frozenset(map(_stem, self.names))
        known = Counter(map(_loosely, {stem.rpartition("/")[2] for stem in stems}))
        found: dict[str, Rows] = defaultdict(list)
        for line, row in self.rows:
            names = _files(row)
            if not names & (self.names | stems):
                for name in {one for one in map(_loosely, names) if known[one] == 1}:
                    found[name].append((line, row))
        return found

    def _choose(self, sheets: list[spreadsheets.Sheet]) -> None:
        """Read the sheet that is most like a table, if it can be one that is not hidden."""
        known = {place: _known(_upright(sheet.rows)) for place, sheet in enumerate(sheets)}

        def rank(place: int) -> tuple[bool, bool, bool, int]:
            columns, rows = known[place], sheets[place].rows[:SAMPLE_ROWS]
            usable = bool(columns) and not sheets[place].hidden
            return usable, usable and self._names_recordings(rows), "file" in columns, len(columns)

        sheet = sheets[best := max(known, key=rank)]
        others = [repr(one.name) for place, one in enumerate(sheets) if place != best and _is_table(known[place], one)]
        if others:
            self.remarks.append(f"{self.name}: the sheet {sheet.name!r} was taken, and not {some(others)}.")
        if sheet.uncomputed:
            lines = some(list(map(str, sheet.uncomputed)))
            advice = "open it in a spreadsheet program, and save it"
            self.remarks.append(f"{self.name}, line {lines}: formulas without values were left out: {advice}.")
        rows = sheet.rows
        if rows and not known[best] and all(len(cells) == 1 for _, cells in rows):  # with the delimiters in its cells
            rows, _ = _rows("\n".join(cells[0] for _, cells in rows))
        self._read(_as_wide(rows))

    def _names_recordings(self, rows: Lines) -> bool:
        """Whether there are recordings in some rows that lie beside the table."""
        names = self.names | frozenset(map(_stem, self.names))
        return any((_files({"file": _value(cell)}) - {""}) & names for _, cells in rows for cell in cells)

    def _read(self, rows: Lines) -> None:
        rows = _upright(rows)
        rows = _with_numbers(rows, head := _head(rows))
        self.columns = frozenset(_known(rows))
        if not self.columns:
            expected = ", ".join(["file", *FACTS])
            self.remarks.append(f"{self.name} has no column that is understood: expected some of {expected}.")
            return
        cells = rows[head][1]
        columns = self._columns(cells, rows[head + 1 :])
        self.columns = frozenset(columns) - {""}
        strange = [
            repr(cell.strip()[:40]) for cell, column in zip(cells, columns, strict=True) if cell.strip() and not column
        ]
        if strange and not self.of_cues:
            self.remarks.append(f"{self.name}: not understood and left out: column {some(strange, 20)}.")
        wide, twice = [], set()
        for line, values in rows[head + 1 :]:
            row: dict[str, str] = {}
            for column, cell in zip(columns, map(_value, values), strict=False):
                if column and cell and row.setdefault(column, cell) != cell:
                    twice.add(column)
            if any(map(str.strip, values[len(columns) :])):
                wide.append(str(line))
            elif row and values != cells and not all(map(_NO_ROW.fullmatch, row.values())):
                self.rows.append((line, row))
        for column in sorted(twice):
            names = [repr(cell.strip()) for cell, other in zip(cells, columns, strict=True) if other == column]
            self.remarks.append(f"{self.name}: columns {', '.join(names)} differ: of each row, the first was taken.")
        if wide:
            advice = "put what has the delimiter in it between quotation marks"
            self.remarks.append(f"{self.name}, line {some(wide)}: left out for it has too many cells: {advice}.")

    def _columns(self, cells: list[str], rows: Lines) -> list[str]:
        """What each column holds, '' where that is not known. Whatever it is called, the column that names recordings
        which lie beside the table is that of files."""
        understood, stems = [_column(cell) for cell in cells], frozenset(map(_stem, self.names))
        hits: Counter[int] = Counter()
        for _, values in rows:
            for number, cell in enumerate(values[: len(cells)]):
                names = _files({"file": _value(cell)}) - {""}
                hits[number] += bool(names & self.names or names & stems)
        if not hits or not max(hits.values()):
            return _once(understood)
        best = max(hits, key=lambda number: (hits[number], "file" in understood[number]))
        understood = [one - {"file"} for one in understood]
        understood[best] = frozenset(("file",))
        return _once(understood)


def _times(row: dict[str, str]) -> tuple[float | None, float | None]:
    """Start and end of a row in seconds, each in a cell of its own or both in one ("0:00.0 - 0:01.8")."""
    if "end" not in row and (span := STAMP.fullmatch(row.get("start", ""))):
        return seconds(span[2]), seconds(span[3] or span[5])
    return seconds(row.get("start", "")), seconds(row.get("end", ""))


def understood(cells: Iterable[str]) -> list[str]:
    """What the names of some columns say that these hold, of COLUMNS; '' where that is not known."""
    return _once([_column(cell) for cell in cells])


def names_cues(line: str) -> bool:
    """Whether a line has the names of the columns of a transcript."""
    return any(_known([(1, line.split(delimiter))]) >= OF_CUES for delimiter in DELIMITERS.rstrip(" "))


def cues(text: str) -> Iterator[Cue | Flaw]:
    """A table (.tsv, .csv) that is a transcript: with the columns start and text, and perhaps end and speaker."""
    table = Table.parse("", text)
    yield from table.cues() if table.of_cues else ()


def _rows(text: str, *, again: bool = True) -> tuple[Lines, int]:
    """The rows with the delimiter that makes most sense of them, also where a spreadsheet took each for a single cell,
    or blanks keep the columns apart; and the line of a quotation mark that has no other."""
    options = [(text, delimiter) for delimiter in DELIMITERS]
    options.append((_COLUMNS_OF_BLANKS.sub("\t", text[:SAMPLE]), "\t"))
    text, delimiter = max(options, key=lambda one: len(_known(_split(one[0][:SAMPLE], one[1])[0])))
    rows, unclosed = _split(text, delimiter)
    if again and not _known(rows) and len(rows) > 1 and all(len(cells) == 1 for _, cells in rows):
        return _rows("\n".join(cells[0] for _, cells in rows), again=False)
    return rows, unclosed


def _is_table(columns: frozenset[str], sheet: spreadsheets.Sheet) -> bool:
    """Whether a sheet that has these columns can be meant as a table."""
    return len(columns) > 1 and not sheet.hidden


def _as_wide(rows: Lines) -> Lines:
    """Rows of which those among which the names of the columns are looked for are as wide as any."""
    widest = max((len(cells) for _, cells in rows), default=0)
    return [(line, cells + [""] * (widest - len(cells))) for line, cells in rows[:HEAD]] + rows[HEAD:]


def _with_numbers(rows: Lines, head: int) -> Lines:
    """The rows, where all but that of the names begin with a number of their own, as R writes them."""
    (line, names), below = rows[head] if rows else (0, []), rows[head + 1 :]
    numbered = all(len(cells) == len(names) + 1 and cells[0].isdecimal() for _, cells in below)
    return [*rows[:head], (line, ["", *names]), *below] if below and numbered else rows


def _split(text: str, delimiter: str) -> tuple[Lines, int]:
    """The rows, and the line of a quotation mark that has no other; 0 where all have."""
    options: dict[str, Any] = {"delimiter": delimiter, "skipinitialspace": True}
    unclosed = 0
    try:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True, **options)
        rows = [(reader.line_num, cells) for cells in reader]
        if delimiter == "\t" and any("\t" in cell for _, cells in rows for cell in cells if "\n" in cell):
            raise csv.Error("rows within quotation marks, which some do not write around cells but within them")
    except csv.Error:
        if '\\"' in text:  # as MySQL writes a quotation mark
            return _split(re.sub(r'\\+"', '""', text), delimiter)
        unclosed = reader.line_num
        reader = csv.reader(text.split("\n"), quoting=csv.QUOTE_NONE, **options)
        rows = [(reader.line_num, cells) for cells in reader]
    return [(line, cells) for line, cells in rows if any(map(str.strip, cells))], unclosed


def _head(rows: Lines) -> int:
    """The row that names the columns: of the first ones, the one with the most names that are known."""
    known = [len(frozenset().union(*map(_column, cells))) for _, cells in rows[:HEAD]]
    return known.index(max(known)) if known else 0


def _known(rows: Lines) -> frozenset[str]:
    """The columns that are known."""
    return frozenset(understood(rows[_head(rows)][1])) - {""} if rows else frozenset()


def _upright(rows: Lines) -> Lines:
    """The rows of a table that has its columns as lines: "title;Harbour", "speaker;Anna"."""
    names = frozenset().union(*(_column(cells[0]) for _, cells in rows[:HEAD])) if rows else frozenset()
    if len(names) <= max(1, len(_known(rows))) or len(rows) > HEAD:
        return rows
    wide = max(len(cells) for _, cells in rows)
    return [(number + 1, [cells[number] if number < len(cells) else "" for _, cells in rows]) for number in range(wide)]


def _column(cell: str) -> frozenset[str]:
    """What a column may hold, of COLUMNS; nothing where that is not known."""
    if len(cell) > LONGEST:
        return frozenset()
    name = re.sub(
        r"\([^()]*\)|\[[^\[\]]*\]| - .*| in (?:milli)?seconds$|(?<=[a-z])_(?:ms|seconds)$|^\d+[.)] *|/-?(?:a|in)$"
        r"|^dc(?:terms)?\.(?:contributor\.)?|(?<=language)\.iso$|^[^:]*:(?= *\w)|^name of (?:the )?|(?<=title) of .*",
        "",
        comparable(cell),
    )
    names = ["".join(letter for letter in one if letter.isalnum()) for one in name.split("/")]  # in several languages
    return NAMES.get("".join(names)) or frozenset.intersection(*(NAMES.get(one, frozenset()) for one in names))


def _once(understood: list[frozenset[str]]) -> list[str]:
    """Of what each column may hold, what it does: a timestamp is a date, unless there is a text and no date; what is
    called content is a text if there are times, no text and no title."""
    every = frozenset().union(*understood)
    content = "text" if "start" in every and not every & {"text", "title"} else ""
    of_cues = frozenset(("date",)) not in understood and "text" in every
    usual = "start" if of_cues else "date"
    chosen = [usual if usual in one else min(one, default="") for one in understood]
    return [content if one == "content" else one for one in chosen]


def _value(cell: str) -> str:
    """What a cell holds, without what spreadsheets put around it to have it taken as text."""
    cell = cell.strip()
    if match := re.fullmatch(r'="?([^"]*)"?|\'([^\']+)\'?|“([^“”]*)”', cell):
        return next((one for one in match.groups() if one is not None), "").strip()
    return cell


def _names(recordings: Iterable[str]) -> frozenset[str]:
    """What recordings may be called, as `comparable` has it: by their names with the folders that these have, or
    without folders where no other one has the same."""
    names = set(map(comparable, recordings))
    alone = Counter(name.rpartition("/")[2] for name in names)
    return frozenset(names | {name for name, count in alone.items() if count == 1})


def _files(row: dict[str, str]) -> set[str]:
    """The files that a row names, with all, some and none of their folders, of whatever system they are, and without
    what else belongs to an address of the web, or the address behind them."""
    cell = row.get("file", "")
    cells = [cell, *(re.sub(r" \(https?://[^()\s]*\)$", "", one) for one in re.split(r"[;,|\n]", cell))]
    cells += _LINK.findall(cell)
    cells += [urlsplit(one).path for one in cells if "://" in one]
    paths = [PureWindowsPath(one.strip()).parts[-DEEPEST:] for one in cells]
    ends = ("/".join(parts[place:]) for parts in paths for place in range(len(parts)))
    return {comparable(name) for name in (*cells, *ends)}


def _has_folder(row: dict[str, str]) -> bool:
    return bool(re.search(r"[/\\]", row.get("file", "")))


def _stem(name: str) -> str:
    return comparable(name.removesuffix(Path(name).suffix))


def _loosely(name: str) -> str:
    """A name without its suffix, lines for blanks and zeros before numbers, all of which programs change."""
    stem = re.sub(r"\.0$", "", _stem(name)) or name
    return re.sub(r"(?<!\d)0+(?=\d)", "", re.sub(r"[\s_+-]+", " ", stem)).strip()


def _without_other_suffix(name: str) -> str:
    """A name without the suffix of a recording."""
    return _stem(name) if Path(name).suffix in SUFFIXES else name


def some(items: list[str], most: int = NAMED) -> str:
    """The first of some names, and how many more there are."""
    return ", ".join(items[:most]) + (f" and {len(items) - most} more" if len(items) > most else "")
