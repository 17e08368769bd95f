"""What opens when what is asked for cannot be."""

import pytest

from ui.service import Service


@pytest.mark.parametrize(
    ("model", "device", "why"),
    [("published", None, "CLASP_OFFLINE is set"), ("no/such/folder", None, "No model in"), ("bundled", "gpu", "'gpu'")],
)
def test_the_bundled_model_stands_in(model: str, device: str | None, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLASP_OFFLINE", "1")
    service = Service(model, device)
    assert service._load().folder.name == "model"
    assert why in service.problem and service.problem.endswith("Using the bundled model instead.")
    assert service.model_name == "bundled"


def test_nothing_stands_in_for_what_is_there() -> None:
    service = Service("bundled", "cpu")
    assert service._load().device.type == "cpu" and service.problem == ""
