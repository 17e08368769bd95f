"""The examples in deploy/ ask for what there is: settings, extras, addresses, services and volumes."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import tomlkit
import yaml

from clasp.settings import Settings, variable
from ui import health

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"


def merged(below: Any, above: Any) -> Any:
    """What Compose makes of two of its files."""
    if isinstance(below, dict) and isinstance(above, dict):
        return {name: merged(below.get(name), above.get(name, below.get(name))) for name in below | above}
    return above


def composed(*names: str) -> dict:
    found: dict = {}
    for name in names:
        found = merged(found, yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8")))
    return found


@pytest.mark.parametrize("names", [["compose.yaml"], ["compose.yaml", "servers.yaml"]])
def test_services_have_what_they_name(names: list[str]) -> None:
    project = composed(*names)
    for service in project["services"].values():
        assert set(service.get("depends_on", [])) <= project["services"].keys()
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert source.startswith(".") or source in project["volumes"]
        assert "image" in service and service.get("build", {"context": ".."})["context"] == ".."
    proxied = set(re.findall(r"server ([\w-]+):7860;", (DEPLOY / "nginx.conf").read_text()))
    assert proxied == {name for name in project["services"] if re.fullmatch(r"clasp-\d", name)}


def test_the_search_uses_the_servers_beside_it() -> None:
    project = composed("compose.yaml", "servers.yaml")
    known = tomlkit.parse((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for name in ("clasp-1", "clasp-2", "add"):
        environment = project["services"][name]["environment"]
        assert environment["CLASP_INDEX"] == "milvus://milvus:19530" and "CLASP_LIBRARY" in environment
        assert (
            environment["AWS_ENDPOINT_URL"] == f"http://{project['services']['milvus']['environment']['MINIO_ADDRESS']}"
        )
        assert set(project["services"][name]["build"]["args"]["EXTRAS"].split(",")) <= set(known)
    assert project["services"]["add"]["environment"]["CLASP_READ_ONLY"] == "0"


@pytest.mark.parametrize("file", sorted(DEPLOY.glob("*.yaml")), ids=lambda file: file.name)
def test_settings_and_addresses_are_those_of_the_app(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert set(re.findall(r"\bCLASP_\w+", text)) <= {variable(one.name) for one in fields(Settings)}
    served = {route.path for route in health.routes(None, None)}
    assert {f"/{path}" for path in re.findall(r"path: /(\w+)", text)} <= served
    assert list(yaml.safe_load_all(text))
