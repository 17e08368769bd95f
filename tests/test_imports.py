"""The order of the packages: ui stands on index, index on clasp; no circles, and nothing loads before it is needed."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("clasp", "index", "ui")
ABOVE = {"clasp": {"index", "ui", "app"}, "index": {"ui", "app"}, "ui": {"app"}}
DOOR = "clasp.__main__"  # `python -m clasp`, which opens the command line of the whole product


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the product by its full name."""
    files = [ROOT / "app.py", *(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))]
    names = {path: ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in files}
    return {name: ast.parse(path.read_text(encoding="utf-8")) for path, name in names.items()}


def imports(node: ast.AST, *, always: bool) -> Iterator[str]:
    """What a module imports, as modules' full names; with `always`, only what is imported whenever it is."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"a relative import of {child.module}"
            within = (f"{child.module}.{alias.name}" for alias in child.names)
            yield from (name if name in modules() else child.module for name in within)
        elif always and isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        elif always and isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            yield from (name for other in child.orelse for name in imports(other, always=always))
        else:
            yield from imports(child, always=always)


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The shortest way from each node back to itself; each circle once."""
    found: dict[frozenset[str], list[str]] = {}
    for start in graph:
        ways = {start: [start]}
        queue = [start]
        for node in queue:
            for other in graph[node]:
                if other == start:
                    found.setdefault(frozenset(ways[node]), [*ways[node], start])
                elif other not in ways:
                    ways[other] = [*ways[node], other]
                    queue.append(other)
    return list(found.values())


@pytest.mark.parametrize("package", PACKAGES)
def test_no_package_imports_one_above_it(package: str):
    upward = [
        f"{name} imports {other}"
        for name, tree in modules().items()
        if name.split(".")[0] == package and name != DOOR
        for other in imports(tree, always=False)
        if other.split(".")[0] in ABOVE[package]
    ]
    assert upward == []


def test_a_circle_is_found():
    assert circles({"a": {"b"}, "b": {"c", "d"}, "c": {"b"}, "d": set()}) == [["b", "c", "b"]]


def test_no_files_import_each_other():
    graph = {name: {other for other in imports(tree, always=True) if other in modules()}
             for name, tree in modules().items()}  # fmt: skip
    assert sum(map(len, graph.values())) > len(graph), "hardly any import was found"
    assert circles(graph) == []


def test_the_app_starts_without_training_and_evaluation():
    apart = ("clasp.training", "clasp.evaluation", "index.benchmarks")
    started = [name for name in modules() if not name.startswith(("clasp.", "index.benchmarks"))]
    program = f"import sys, {', '.join(started)}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [name for name in done.stdout.split() if name.startswith(apart)] == []


def test_the_command_line_starts_without_what_is_large():
    program = "import sys, index.cli.main; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {"torch", "transformers", "gradio", "numpy"}.isdisjoint(done.stdout.split())
