"""Where the program itself lies: in a checkout, or installed."""

from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[1]  # holds the packages clasp, index and ui: a checkout, or site-packages
_INSTALLED = Path(__file__).parent / "assets"
ASSETS = _INSTALLED if _INSTALLED.is_dir() else ROOT / "assets"  # holds model/ and library/, which ship with CLASP


def package_folder(name: str) -> Path:
    """The folder of an installed package, which is not imported.

    Raises:
        ModuleNotFoundError: if it is not installed.
    """
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"The package {name} is missing: install what requirements.txt lists.", name=name)
    return Path(spec.origin).parent
