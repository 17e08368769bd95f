"""What other programs see of the app: two endpoints, the audio of the library, and nothing else."""

import json
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from tests.malformed import write_malformed
from tests.ui.interviews import FERRY, Interviews


@pytest.fixture(scope="module")
def client(address: str) -> Client:
    return Client(address, verbose=False)


def status(url: str, **headers: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        return error.code, b""


def test_only_the_two_searches_are_public(client: Client, address: str) -> None:
    endpoints = client.view_api(return_format="dict", print_info=False)
    assert set(endpoints["named_endpoints"]) == {"/search_text", "/search_speech"}
    assert endpoints["unnamed_endpoints"] == {}
    for endpoint in endpoints["named_endpoints"].values():
        assert "say the same" in endpoint["description"]
    tools = json.loads(status(f"{address}gradio_api/mcp/schema")[1])
    assert {tool["name"] for tool in tools} == {"search_text", "search_speech"}


def test_search_text(client: Client) -> None:
    answer = client.predict("the ship was lost in the storm", api_name="/search_text")
    assert len(answer["hits"]) == 10
    assert "ship was lost in the storm" in answer["hits"][0]["text"]
    assert all(0 <= hit["probability"] <= 1 for hit in answer["hits"])
    german = client.predict(
        "the ship was lost in the storm", 1.0, ["adventure"], ["de", "fr"], 3, api_name="/search_text"
    )
    assert len(german["hits"]) == 3
    assert {hit["language"] for hit in german["hits"]} <= {"de", "fr"}


def test_a_library_by_name_and_every_filter(client: Client, interviews: Interviews, address: str) -> None:
    def found(**filters: object) -> list[dict]:
        return client.predict("the ferry and the fog", library="interviews", api_name="/search_text", **filters)["hits"]

    hits = found()
    assert hits[0]["text"] == FERRY and hits[0]["title"] in ("Village memories", "The ferryman")
    village = next(hit for hit in hits if hit["title"] == "Village memories")
    assert village["date"] == "1962-05-01" and 0 < village["start"] < village["end"]
    assert {hit["title"] for hit in found(voices=["Bert"])} == {"The ferryman"}
    assert {hit["title"] for hit in found(recordings=[village["recording"]])} == {"Village memories"}
    assert {hit["title"] for hit in found(since="1962-06")} == {"The ferryman"}
    assert {hit["title"] for hit in found(until="1962")} == {"Village memories"}
    for hit in hits:
        assert status(address + hit["audio"])[0] == 200


def test_what_a_visitor_adds_cannot_be_named(client: Client) -> None:
    with pytest.raises(AppError, match="on the page only"):
        client.predict("a storm", library="visit", api_name="/search_text")
    with pytest.raises(AppError, match="no library called"):
        client.predict("a storm", library="../default", api_name="/search_text")


def test_search_speech(client: Client, spoken: Path) -> None:
    answer = client.predict(handle_file(spoken), api_name="/search_speech")
    assert "father's watch" in answer["hits"][0]["text"]
    assert answer["query"] is None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["?!"], "no words"),
        (["word " * 1_000], "1000 at most"),
        (["a storm", 2.0], "between 0 and 1"),
        (["a storm", None, ["gossip"]], "no category 'gossip'"),
        (["a storm", None, None, None, 0], "1 to 100"),
    ],
)
def test_a_wrong_request_gets_one_sentence(client: Client, arguments: list, sentence: str) -> None:
    with pytest.raises(AppError, match=sentence):
        client.predict(*arguments, api_name="/search_text")


def test_thirty_malformed_files_get_their_sentence_and_the_next_search_works(
    client: Client, spoken: Path, tmp_path: Path
) -> None:
    for case in write_malformed(tmp_path):
        with pytest.raises(AppError, match=case.error):
            client.predict(handle_file(case.path), api_name="/search_speech")
    assert client.predict(handle_file(spoken), api_name="/search_speech")["hits"]


def test_no_file_of_the_server_is_read(address: str, client: Client) -> None:
    with pytest.raises(AppError):
        client.predict({"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}, api_name="/search_speech")
    for name in ("nothing", quote("../../../README.md", safe=""), "../README.md", quote("/etc/passwd", safe="")):
        assert status(f"{address}audio/{name}")[0] == 404
    assert status(f"{address}gradio_api/file=/etc/passwd")[0] == 403


def test_audio_can_be_fetched_in_parts(address: str, client: Client) -> None:
    hit = client.predict("the ship was lost in the storm", api_name="/search_text")["hits"][0]
    whole = status(address + hit["audio"])
    part = status(address + hit["audio"], Range="bytes=100-199")
    assert whole[0] == 200
    assert part == (206, whole[1][100:200])
