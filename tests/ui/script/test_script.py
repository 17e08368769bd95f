"""The page's script and style by the tools of its own world: types, lint and format, unit tests under node."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
NPM = shutil.which("npm")
INSTALLED = ROOT / "node_modules" / ".package-lock.json"  # npm's own note of what it has installed

pytestmark = pytest.mark.skipif(NPM is None, reason="npm is not installed: the page's script is not checked")


@pytest.fixture(scope="module")
def tools() -> Path:
    """The folder of the tools that package-lock.json names, installed if they are not there yet."""
    if not INSTALLED.is_file() or INSTALLED.stat().st_mtime < (ROOT / "package-lock.json").stat().st_mtime:
        run(NPM, "ci", "--no-audit", "--no-fund")
    return ROOT / "node_modules" / ".bin"


def run(*command: str | Path) -> None:
    """Run a command in the root; what it says is told where it fails."""
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_types(tools: Path) -> None:
    run(tools / "tsc", "--noEmit")


def test_lint_and_format(tools: Path) -> None:
    run(tools / "biome", "ci", "--error-on-warnings", "--colors=off")


def test_units() -> None:
    run("node", "--test", *sorted(Path(__file__).parent.glob("*.test.js")))


def test_every_module_is_checked() -> None:
    for path in (ROOT / "ui" / "static").rglob("*.js"):
        assert path.read_text(encoding="utf-8").startswith("// @ts-check\n"), path
