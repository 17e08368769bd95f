"""CLASP installed: what the package asks for, what its wheel holds, and that it works from any folder."""

import json
import os
import subprocess
import sys
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import tomlkit
from packaging.markers import default_environment
from packaging.requirements import Requirement

from tests.ui.conftest import free_port

ROOT = Path(__file__).parents[1]
PROJECT = tomlkit.parse((ROOT / "pyproject.toml").read_text(encoding="utf-8")).unwrap()["project"]
PYTHONS = ("3.10", "3.13")


def pinned(name: str, python: str) -> dict[str, Requirement]:
    """What a file of requirements pins for a version of Python, by name; without the files that it refers to."""
    lines = [line.partition("#")[0].strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines()]
    return by_name([line for line in lines if line and not line.startswith("-r ")], python)


def by_name(requirements: list[str], python: str) -> dict[str, Requirement]:
    environment = {**default_environment(), "python_version": python}
    parsed = map(Requirement, requirements)
    return {one.name: one for one in parsed if one.marker is None or one.marker.evaluate(environment)}


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_pinned_versions_are_within_the_ranges_of_the_package(file: str, python: str):
    extras = PROJECT["optional-dependencies"]
    asked = by_name(PROJECT["dependencies"] if file == "requirements.txt" else extras["dev"], python)
    pins = pinned(file, python)
    assert set(pins) - set(asked) == set()
    assert set(asked) - set(pins) <= {"pre-commit"}  # runs the checks before a commit, no test
    for name, pin in pins.items():
        (version,) = pin.specifier
        assert version.operator == "==" and asked[name].specifier.contains(version.version), (pin, asked[name])
        assert pin.extras == asked[name].extras


def test_whoever_develops_has_every_extra():
    extras = {name: set(needed) for name, needed in PROJECT["optional-dependencies"].items()}
    assert all(needed <= extras["dev"] for needed in extras.values())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT, check=True)
    (file,) = folder.glob("clasp_search-*.whl")
    return file


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment with the wheel, which sees the packages that it needs."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "needed.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    install = [sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install", "-q", "--no-deps"]
    subprocess.run([*install, wheel], check=True)
    return folder / "bin"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another folder, and an environment that says nothing of this checkout."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setenv("CLASP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_the_wheel_holds_all_that_runs(wheel: Path):
    paths = ["app.py", "clasp", "index", "ui", "assets/model", "assets/library"]
    listed = subprocess.run(["git", "ls-files", "-z", *paths], cwd=ROOT, capture_output=True, text=True, check=True)
    tracked = [path for path in listed.stdout.split("\0") if path]
    expected = {path.replace("assets/", "clasp/assets/", path.startswith("assets/")) for path in tracked}
    held = set(zipfile.ZipFile(wheel).namelist())
    assert expected - held == set()
    assert {path.split("/")[0] for path in held if ".dist-info/" not in path} == {"app.py", "clasp", "index", "ui"}
    assert {"clasp/py.typed", "index/py.typed", "ui/py.typed"} <= held
    assert {"LICENSE", "NOTICE"} <= {Path(path).name for path in held if ".dist-info/licenses/" in path}


@pytest.mark.slow
def test_the_installed_command_searches_the_demo_library(installed: Path, elsewhere: Path):
    command = [installed / "clasp", "search", "the ship was lost in the storm", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    best = json.loads(done.stdout)["hits"][0]
    assert best["transcript"] == "The ship was lost in the storm, three days out of Lisbon."
    assert "Making vectors" not in done.stderr, "the vectors that ship are of the model that ships"
    program = "import clasp.paths, index, ui, app; print(clasp.paths.ASSETS)"
    done = subprocess.run([installed / "python", "-c", program], capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()).is_relative_to(installed.parent)


@pytest.fixture
def page(installed: Path, elsewhere: Path) -> Iterator[str]:
    """The address of the page that the installed command serves."""
    port = free_port()
    settings = {"HOST": "127.0.0.1", "PORT": str(port), "CLASP_TRANSCRIBER": "none"}
    server = subprocess.Popen(
        [installed / "clasp", "serve"], env=os.environ | settings, stdout=subprocess.PIPE, text=True
    )
    try:
        assert any("CLASP is open at" in line for line in server.stdout)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.communicate()


@pytest.mark.slow
def test_the_installed_command_serves_the_page(page: str):
    with urllib.request.urlopen(page, timeout=60) as answer:
        assert answer.status == 200 and "CLASP" in answer.read().decode()
