"""Where the program itself lies: in a checkout, or installed."""

from pathlib import Path

ROOT = Path(__file__).parents[1]  # holds the packages clasp, index and ui: a checkout, or site-packages
_INSTALLED = Path(__file__).parent / "assets"
ASSETS = _INSTALLED if _INSTALLED.is_dir() else ROOT / "assets"  # holds model/ and library/, which ship with CLASP
