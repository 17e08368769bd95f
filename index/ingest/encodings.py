"""Bytes of a text file as text, whatever encoding it has."""

import codecs
import re
from collections import Counter
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from charset_normalizer import from_bytes

from clasp.errors import DataError
from clasp.filenames import readable

BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
BINARY = {
    b"PK\3\4": "a document, a spreadsheet or an archive", b"\xd0\xcf\x11\xe0": "a document or a spreadsheet",
    b"%PDF": "a PDF", b"{\\rtf": "formatted text (RTF)", b"\x1f\x8b": "compressed",
    b"ooBinaryFile": "binary",
}  # fmt: skip
LATIN = ("cp1252", "cp1250", "cp1254", "cp1257", "iso8859_2", "cp850", "mac_roman")  # the more usual first
OTHERS = ("cp1251", "cp1253", "cp1255", "cp1256", "koi8_r", "cp932", "euc_jp", "gb18030", "big5", "cp949")
COMMON = {  # the most usual letters of a language, and the encodings in which it is written; ambiguous ones last
    "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфёіїєґў": ("cp1251", "koi8_r", "cp866", "iso8859_5", "mac_cyrillic"),
    "αοιετσνηυρπκμλςίόάέήώύωδγχθφβξζψ": ("cp1253", "iso8859_7"),
    "יוהלארמתשבנםכדעחקפגטןצסזץךף": ("cp1255", "iso8859_8"),
    "المينوترهبدعسفحكقةجصطخشضزثظغأىإءؤئآپچژگکی": ("cp1256", "iso8859_6"),
    "านรกอเงมยลวดทสตะปบคหแจพชขใไโผซถธณศษภุูิีึืั่้์็ำ": ("cp874",),
}  # fmt: skip
_KANA = (
    "のにをはがとでたしてもいなこれからありるくきさそまよっうんえけせちつどみめやゆらろわぐげごじずだばびぶべぼほねふ"
    "アイウエオカキクケコサシスセソタチツテトナニハヒフマミメモラリルレロワンーガグジスダドバパブプボ"
)
PAIRS = {  # encodings of two bytes a letter, and the most usual letters of their languages
    "cp949": (
        "이다는을가에고의지한로은하기도를나서사어리대시자라그아인일해부정있수것스했전들보여제과면게으만상주니오공구소신"
        "국조동장원세비우선안성경화거때까요야없말같네습었겠더무데생치음방실마문위터중교회"
    ),
    "gb18030": (
        "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家"
        "种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十"
        "民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被什二等新己果加西月话合回内信"
        "老给次门常先海教儿东声提立员解水名真走各入几口认气题更别打女变四神总何数安少报才结反受感建务做接必件管期市直德"
        "命山路今早晚上周家您"
    ),
    "big5": (
        "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡用道行所然家"
        "種事成方多經麼去法學如都同現當沒動面起看定天分還進好小部其些主樣理心她本前開但因只從想實日者意無力它與長把機十民"
        "第公此已工使情明性知全三又關點正業外將兩高間由問很最重並物手應向頭文體政美相見被什二等新己果加西月話合回內信老給"
    ),
    "cp932": _KANA, "euc_jp": _KANA,
}  # fmt: skip
FREQUENT = 0.3  # share of the letters of a text that are among these, where the encoding is the right one
USUAL = 0.6  # share of the letters of a text that are among the most usual of its language, half of them at the least
ALPHABETS = (  # letters beside a to z that one language has
    "äöüß", "àâæçéèêëîïôœùûü", "áéíñóúü", "áâãàçéêíóôõú", "àèéìíòóùú", "éëïóöü", "åäöé", "æøåé", "áðéíóúýþæö",
    "àçèéíïòóúü", "ąćęłńóśźż", "áčďéěíňóřšťúůýžäĺľŕô", "áéíóöőúüű", "ăâîșțşţ", "čćđšž", "çğıöşüâîûİ", "äöõüšž",
    "āčēģīķļņšūž", "ąčęėįšųūž",
)  # fmt: skip
_SIGNS = re.compile(r"(?<=[^\W\d_])[^\w\s\x00-\x7f’‘ʼ·\xad]+(?=[^\W\d_])|(?<=[^\W\d_])[²³¹¼½¾¬¦¤]|[¼½¾¬¦¤](?=[^\W\d_])")
_TWICE = re.compile(r"[\xc3-\xf4â][\x80-\xbf€‚„…†‡ˆ‰‹Œ‘’“”•–—˜™›œ]")
_MIXED = re.compile(r"[A-Za-z](?=[^\x00-\x7f])|[^\x00-\x7f](?=[A-Za-z])")
ODD = 0.05  # share of what is not ASCII that may be of another language
SAMPLE = 2**16  # bytes that are looked at to tell an encoding
LARGEST = 16 * 2**20  # bytes


def read(path: Path) -> str:
    """The text of a file, its lines ended by "\\n".

    Raises:
        DataError: if the file is too large, or cannot be read.
    """
    found = content(path)
    for mark, kind in BINARY.items():
        if found.startswith(mark):
            raise DataError(f"{readable(path.name)} is {kind} inside: save it as plain text.")
    text = re.sub(r"\r*\n|\r", "\n", decoded(found))
    return text.replace("\ufeff", "").rstrip("\0\x1a")


def content(path: Path) -> bytes:
    """The bytes of a file.

    Raises:
        DataError: if the file is too large, or cannot be read.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise DataError(f"{readable(path.name)} is larger than {LARGEST / 2**20:g} MiB: shorten it.")
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{readable(path.name)} cannot be read: {error.strerror or error}.") from error


def decoded(content: bytes) -> str:
    """The text that the bytes stand for."""
    for mark, encoding in BOMS.items():
        if content.startswith(mark):
            return content.decode(encoding, "replace").lstrip("\ufeff")
    if b"\x1b$" in content:
        return content.decode("iso2022_jp", "replace")
    if 5 * (zeros := content.count(0)) > len(content) or b"\n\0" in content or b"\0\n" in content:
        for encoding in ("utf-32-le", "utf-32-be"):
            with suppress(UnicodeDecodeError):
                return content.decode(encoding)
        high = content[::2].count(0)  # of the first of each two bytes
        return content.decode("utf-16-be" if 2 * high > zeros else "utf-16-le", "replace")
    content = content.replace(b"\0", b"")
    text = content.decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    if not damaged or 4 * damaged < len(re.findall(r"[^\x00-\x7f\ufffd]", text)):
        return _encoded_once(text)
    return content.decode(_detected(content), "replace")


def _encoded_once(text: str) -> str:
    """The text, also where its UTF-8 was taken for Western European and encoded again: "Ã¼" for "ü"."""
    if _TWICE.search(text):
        for encoding in ("cp1252", "latin-1"):
            with suppress(UnicodeError):
                return text.encode(encoding).decode()
    return text


def _detected(content: bytes) -> str:
    """The encoding in which it is most like a language: the one of an alphabet, if there is one, or what the statistics
    of letters say."""
    telling = b"\n".join(line for line in re.split(rb"[\r\n]+", content) if not line.isascii())[:SAMPLE]
    pairs = max(PAIRS, key=lambda encoding: _frequent(telling, encoding))
    if _frequent(telling, pairs) >= FREQUENT:
        return pairs
    usual = max((one for many in COMMON.values() for one in many), key=lambda encoding: _usual(telling, encoding))
    if _usual(telling, usual) >= USUAL:
        return usual
    best = min(LATIN, key=lambda encoding: _odd(telling, encoding))
    if _odd(telling, best) <= ODD:
        return best
    found = from_bytes(telling, cp_isolation=[*OTHERS, *LATIN]).best()
    return found.encoding if found and found.encoding in OTHERS else best


def _frequent(content: bytes, encoding: str) -> float:
    """Share of the letters beyond ASCII that are usual in an encoding of two bytes a letter; 0 where it is none."""
    text = content.decode(encoding, "replace")
    letters = [one for one in text if one.isalpha() and not one.isascii()]
    if 20 * text.count("\ufffd") > len(letters):
        return 0.0
    return sum(one in PAIRS[encoding] for one in letters) / max(1, len(letters))


def _usual(content: bytes, encoding: str) -> float:
    """How much it looks like the language that is written in an encoding: the share of its letters that are usual, the
    more usual the more; 0 where they are mixed with Latin ones."""
    letters = next(letters for letters, encodings in COMMON.items() if encoding in encodings)
    text = content.decode(encoding, "replace")
    found = [one for one in text if not one.isascii() and not one.isspace()]
    mixed = len(_MIXED.findall(text)) + text.count("\ufffd")
    if 20 * mixed > len(found) or len(found) < sum(one.isascii() and one.isalpha() for one in text):
        return 0.0
    weights = {letter: 1.5 - place / len(letters) for place, letter in enumerate(letters)}
    return sum(weights.get(one, 0.0) for one in found) / max(1, len(found))


def _is_capital(letter: str) -> bool:
    return letter.isupper() and not letter.isascii()


def _odd(content: bytes, encoding: str) -> float:
    """Share of what is not ASCII that no language of Latin letters writes so: signs and capitals within words, and
    letters that are not of the one alphabet that has most of them."""
    text = content.decode(encoding, "replace")
    within = _SIGNS.findall(text) + [two for one, two in pairwise(text) if one.islower() and _is_capital(two)]
    letters = Counter(letter.lower() for letter in text if letter.isalpha() and not letter.isascii())
    foreign = min(sum(count for letter, count in letters.items() if letter not in one) for one in ALPHABETS)
    return (len(within) + foreign) / max(1, len(within) + letters.total())
