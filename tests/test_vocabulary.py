"""One word for one thing, the field's word: names that were retired do not come back.

Names are checked, not prose: of types, functions, parameters, fields, constants and modules, of options of the command
line, keys of JSON, and what the page's markup, style and script call their parts.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("clasp", "index", "ui")

WORDS = {  # in a name: what it is called
    "heard": "phones, recognized", "hearing": "recognize, decode", "told": "reported", "said": "sound, transcript",
    "meant": "meaning", "kept": "stored", "agreement": "alignment_score", "likeness": "meaning_bias, sound_bias",
}  # fmt: skip
SPEAKERS = {"voice": "speaker", "voices": "speakers"}  # of people; a synthesizer's voices are known to clasp alone
TYPES = {
    "Encoded": "EncoderOutput", "Shelf": "LibraryRegistry", "Visits": "GuestLibraries", "Turns": "FairScheduler",
    "Current": "SearchIndex", "Snapshot": "SearchIndex", "Contents": "SegmentTable", "Facts": "Categorical",
    "Rows": "VectorBuffer", "Row": "the field's word", "Shown": "the field's word", "Cutter": "Segmenter",
    "WordEncoder": "PhoneNgramEncoder",
}  # fmt: skip
CONSTANTS = {"LEFT_OUT": "GAP_OPEN", "BESIDES": "GAP_EXTEND"}
MODULES = {
    "clasp": {"figure", "pickled", "kept", "hearing", "lessons", "written", "second_stage", "segments", "pipeline"},
    "index": {"ahead", "places", "command", "manage", "fitting", "regions", "measures", "points", "scan"},
    "ui": {"ask", "answers", "exploring", "caring", "choosing", "frames", "microphone"},
}


def words(name: str) -> set[str]:
    """The words of an identifier in snake_case, camelCase or kebab-case."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def python_files() -> Iterator[Path]:
    yield ROOT / "app.py"
    for package in PACKAGES:
        yield from (ROOT / package).rglob("*.py")


def page_files() -> Iterator[Path]:
    for ending in ("html", "css", "js", "ts"):
        yield from (ROOT / "ui").rglob(f"*.{ending}")


class Names(ast.NodeVisitor):
    """The names that a module gives to what others see of it; those of local variables are its own affair."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.types: set[str] = set()
        self._within = [ast.Module]

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.types.add(node.name)
        self._enter(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.names.add(node.name)
        self._enter(node)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.visit(node.body)

    def visit_arg(self, node: ast.arg) -> None:
        self.names.add(node.arg)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store) and self._within[-1] in (ast.Module, ast.ClassDef):
            self.names.add(node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.ctx, ast.Store):
            self.names.add(node.attr)
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.generic_visit(node)
        call = node.value.func if isinstance(node.value, ast.Call) else None
        if isinstance(call, ast.Name) and call.id in ("NamedTuple", "namedtuple", "TypedDict", "NewType"):
            self.types |= {target.id for target in node.targets if isinstance(target, ast.Name)}

    def visit_Dict(self, node: ast.Dict) -> None:
        self.names |= {key.value for key in node.keys if isinstance(key, ast.Constant) and is_name(key.value)}
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("add_argument", "add_parser"):
            options = [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg == "dest")]
            self.names |= {one.value for one in options if isinstance(one, ast.Constant) and is_name(one.value)}
        self.generic_visit(node)

    def _enter(self, node: ast.AST) -> None:
        self._within.append(type(node))
        self.generic_visit(node)
        self._within.pop()


def is_name(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[\w-]+", value) is not None


def markup(text: str) -> set[str]:
    """What markup calls its parts."""
    values = re.findall(r"""\b(?:id|class|name|for|aria-controls|elem_id)=["']([\w\s-]+)["']""", text)
    return {name for value in values for name in value.split()} | set(re.findall(r"\bdata-[\w-]+", text))


CODE = re.compile(
    r"""(?P<comment>/\*.*?\*/|//[^\n]*) | (?P<name>[A-Za-z_$][\w$]*) | (?P<brace>[`{}])
    | '(?P<single>(?:\\.|[^'\\\n])*)' | "(?P<double>(?:\\.|[^"\\\n])*)" """,
    re.DOTALL | re.VERBOSE,
)
TEMPLATE = re.compile(r"((?:\\.|[^`\\$]|\$(?!\{))*)(`|\$\{)", re.DOTALL)


def script(text: str) -> set[str]:
    """The identifiers and keys of a script, and the markup it writes; not its comments, nor its strings of words."""
    names: set[str] = set()
    strings: list[str] = []
    at, open_braces = 0, [0]  # of the code itself, and of each ${} that it stands in
    while found := CODE.search(text, at):
        at = found.end()
        names |= {found["name"]} if found["name"] else set()
        strings += [found["single"] or found["double"] or ""]
        match found["brace"]:
            case "{":
                open_braces[-1] += 1
            case "}" if open_braces[-1]:
                open_braces[-1] -= 1
            case "`" | "}" as mark:  # a template begins, or goes on
                if mark == "}":
                    open_braces.pop()
                piece = TEMPLATE.match(text, at)
                assert piece is not None, "a template without its end"
                at, strings = piece.end(), [*strings, piece[1]]
                if piece[2] == "${":
                    open_braces.append(0)
    return names | {one for one in strings if is_name(one)} | set().union(*map(markup, strings))


def style(text: str) -> set[str]:
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    return set(re.findall(r"(?:[.#]|--)([A-Za-z][\w-]*)", text)) | set(re.findall(r"\[(data-[\w-]+)", text))


def retired() -> dict[str, set[str]]:
    """The retired names that there are, by file."""
    found = defaultdict(set)
    for path in python_files():
        file, text = path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
        package = file.split("/")[0]
        names = Names()
        names.visit(ast.parse(text))
        gone = {**WORDS, **(SPEAKERS if package != "clasp" else {})}
        every = names.names | names.types | markup(text)
        found[file] |= {name for name in every if not gone.keys().isdisjoint(words(name))}
        found[file] |= names.types & TYPES.keys() | names.names & CONSTANTS.keys()
        found[file] |= {path.stem} & MODULES.get(package, set())
    for path in page_files():
        names = {".css": style, ".html": markup}.get(path.suffix, script)(path.read_text(encoding="utf-8"))
        gone = WORDS | SPEAKERS
        found[path.relative_to(ROOT).as_posix()] |= {name for name in names if not gone.keys().isdisjoint(words(name))}
    return {file: names for file, names in found.items() if names}


def test_no_retired_name_comes_back():
    assert {file: sorted(names) for file, names in retired().items()} == {}


def test_a_model_encodes():
    """It does not read and listen."""
    calls = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in python_files()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("read", "listen")
        and (ast.unparse(node.value).split(".")[-1] in ("model", "_model"))
    ]  # fmt: skip
    assert calls == []


@pytest.mark.parametrize(
    ("read", "text", "names"),
    [
        (script, "const a = { said: 'x' }; // heard\nf('what was meant', `${b} was kept ${c}`);", {"said"}),
        (script, 'x = `<p id="told-list">was said here</p>`;', {"told-list"}),
        (markup, '<p class="hit meant" data-heard="1">what was said</p>', {"meant", "data-heard"}),
        (style, "/* said */ .kept > [data-told='1'] { color: var(--voice) }", {"kept", "data-told", "voice"}),
    ],
)
def test_names_are_told_from_prose(read, text: str, names: set[str]):
    assert {name for name in read(text) if words(name) & (WORDS | SPEAKERS).keys()} == names
