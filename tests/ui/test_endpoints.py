"""What other programs see of the app: its endpoints, the audio of the library, and nothing else."""

import asyncio
import base64
import json
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from jsonschema import Draft202012Validator
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from tests.malformed import write_malformed
from tests.ui.interviews import FERRY, Interviews

TOOLS = {"search_text", "search_speech", "list_libraries", "list_recordings", "get_context", "export_transcript"}


@pytest.fixture(scope="module")
def client(address: str) -> Client:
    return Client(address, verbose=False)


def status(url: str, **headers: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        return error.code, b""


def test_nothing_else_is_public(client: Client, address: str) -> None:
    endpoints = client.view_api(return_format="dict", print_info=False)
    assert set(endpoints["named_endpoints"]) == {f"/{name}" for name in TOOLS}
    assert endpoints["unnamed_endpoints"] == {}
    assert all(endpoint["description"].endswith(".") for endpoint in endpoints["named_endpoints"].values())
    tools = json.loads(status(f"{address}gradio_api/mcp/schema")[1])
    assert {tool["name"] for tool in tools} == TOOLS


def test_libraries_recordings_and_what_is_said_around_a_hit(client: Client, interviews: Interviews) -> None:
    libraries = {one["name"]: one for one in client.predict(api_name="/list_libraries")["libraries"]}
    assert list(libraries)[:2] == ["demo", "interviews"]
    assert libraries["demo"]["utterances"] == 1174 and "adventure" in libraries["demo"]["categories"]
    assert (libraries["interviews"]["recordings"], libraries["interviews"]["languages"]) == (3, ["de", "en"])
    listed = client.predict("interviews", api_name="/list_recordings")
    assert listed["total"] == 3
    assert [one["title"] for one in listed["recordings"]] == ["Notiz", "The ferryman", "Village memories"]
    (village,) = client.predict("interviews", "anna english", api_name="/list_recordings")["recordings"]
    assert (village["id"], village["date"], village["utterances"]) == (listed["recordings"][2]["id"], "1962-05-01", 7)
    (second,) = client.predict("interviews", "", 1, 1, api_name="/list_recordings")["recordings"]
    assert second == listed["recordings"][1]
    assert village["tags"] == libraries["interviews"]["tags"] == ["childhood", "Ferries"]
    tagged = {"library": "interviews", "tags": ["childhood"]}
    hit, other = client.predict("swim in the canal", **tagged, api_name="/search_text", k=2)["hits"]
    assert hit["recording"] == other["recording"] == village["id"] and hit["tags"] == village["tags"]
    around = client.predict(hit["id"], "interviews", 2, api_name="/get_context")
    said = [text for text, *_ in interviews.said["Village memories"]]
    assert [one["transcript"] for one in around["utterances"]] == said[-3:]
    assert [one["hit"] for one in around["utterances"]] == [False, False, True]
    assert around["recording"] == {name: village[name] for name in village if name != "utterances"}


def in_session(address: str, work: Callable[[ClientSession], Awaitable[Any]]) -> Any:
    """What is done in a session of the app's MCP server."""

    async def session() -> Any:
        async with (
            streamable_http_client(f"{address}gradio_api/mcp/") as (reading, writing, _),
            ClientSession(reading, writing) as open_session,
        ):
            await open_session.initialize()
            return await work(open_session)

    with ThreadPoolExecutor(1) as own:  # a browser's event loop may run in this thread
        return own.submit(asyncio.run, session()).result()


def test_every_tool_in_an_mcp_session(address: str, spoken: Path) -> None:
    async def work(session: ClientSession) -> None:
        async def told(name: str, **arguments: Any) -> dict[str, Any]:
            answer = await session.call_tool(name, arguments)
            assert not answer.isError, answer.content
            return json.loads(answer.content[0].text)

        tools = {tool.name: tool for tool in (await session.list_tools()).tools}
        assert set(tools) == TOOLS
        for tool in tools.values():
            Draft202012Validator.check_schema(tool.inputSchema)
            for kind in tool.inputSchema["properties"].values():
                assert kind["description"] and all(one.get("type") for one in kind.get("oneOf", [kind]))
        libraries = (await told("list_libraries"))["libraries"]
        assert [one["name"] for one in libraries][:2] == ["demo", "interviews"]
        (recording,) = (await told("list_recordings", library="interviews", find="ferryman"))["recordings"]
        found = await told("search_text", query="the ferry and the fog", library="interviews", speakers=["Bert"], k=2)
        assert found["hits"][0]["transcript"] == FERRY and found["hits"][0]["recording"] == recording["id"]
        around = await told("get_context", hit=found["hits"][0]["id"], library="interviews", count=1)
        assert [one["hit"] for one in around["utterances"]] == [False, True, False]
        every = {"meaning": 1, "categories": ["adventure"], "languages": ["en", "de"], "recordings": None, "since": ""}
        found = await told("search_text", query="the ship was lost", k=3, **every)
        assert {hit["category"] for hit in found["hits"]} == {"adventure"}
        sound = f"data:audio/ogg;base64,{base64.b64encode(spoken.read_bytes()).decode()}"
        found = await told("search_speech", recording=sound, languages=["en"], k=1, speakers=None)
        assert "father's watch" in found["hits"][0]["transcript"]

    in_session(address, work)


@pytest.mark.parametrize(
    ("tool", "arguments", "sentence"),
    [
        ("search_text", {"query": "a storm", "categories": "news"}, "'news' is not"),
        ("search_text", {"query": 5}, "5 is not of type 'string'"),
        ("search_text", {}, "'query' is a required property"),
        ("search_text", {"query": "a storm", "k": 0}, "1 to 100"),
        ("search_text", {"query": "a storm", "library": "none"}, "no library called 'none'"),
        ("get_context", {"hit": 10**9}, "no segment 1000000000"),
        ("list_recordings", {"count": 10_000}, "1 to 500"),
    ],
)
def test_a_wrong_call_of_a_tool_gets_one_sentence(address: str, tool: str, arguments: dict, sentence: str) -> None:
    answer = in_session(address, lambda session: session.call_tool(tool, arguments))
    assert answer.isError and sentence in answer.content[0].text and "\n" not in answer.content[0].text.strip()


def test_search_text(client: Client) -> None:
    answer = client.predict("the ship was lost in the storm", api_name="/search_text")
    assert len(answer["hits"]) == 10
    assert "ship was lost in the storm" in answer["hits"][0]["transcript"]
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
    assert hits[0]["transcript"] == FERRY and hits[0]["title"] in ("Village memories", "The ferryman")
    village = next(hit for hit in hits if hit["title"] == "Village memories")
    assert village["date"] == "1962-05-01" and 0 < village["start"] < village["end"]
    assert {hit["title"] for hit in found(speakers=["Bert"])} == {"The ferryman"}
    assert {hit["title"] for hit in found(recordings=[village["recording"]])} == {"Village memories"}
    assert {hit["title"] for hit in found(since="1962-06")} == {"The ferryman"}
    assert {hit["title"] for hit in found(until="1962")} == {"Village memories"}
    for hit in hits:
        assert status(address + hit["audio"])[0] == 200


def test_what_a_visitor_adds_cannot_be_named(client: Client) -> None:
    with pytest.raises(AppError, match="only be searched on the page"):
        client.predict("a storm", library="visit", api_name="/search_text")
    with pytest.raises(AppError, match="no library called"):
        client.predict("a storm", library="../default", api_name="/search_text")


def test_search_speech(client: Client, spoken: Path) -> None:
    answer = client.predict(handle_file(spoken), api_name="/search_speech")
    assert "father's watch" in answer["hits"][0]["transcript"]
    assert answer["query"] is None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["?!"], "no words"),
        (["word " * 1_000], "1000 at most"),
        (["a storm", 2.0], "between 0 and 1"),
        (["a storm", None, ["gossip"]], "no category 'gossip'"),
        (["a storm", *[None] * 3, 10, "demo", None, None, "", "", "", ["sea"]], "no tag 'sea': it has none"),
        (["a storm", None, None, None, 0], "1 to 100"),
        ([5], "query is 5: expected a string."),
        ([None], "query is None: expected a string."),
        ([["a", "storm"]], "query is .*: expected a string."),
        (["a storm", "much"], "meaning is 'much': expected a number or null."),
        (["a storm", None, "news"], "categories is 'news': expected a list of strings or null."),
        (["a storm", None, ["news", 5]], "categories is .*: expected a list of strings or null."),
        (["a storm", None, None, {"en": 1}], "languages is {'en': 1}: expected a list of strings or null."),
        (["a storm", None, None, None, "ten"], "k is 'ten': expected an integer."),
        (["a storm", None, None, None, 1.5], "k is 1.5: expected an integer."),
        (["a storm", None, None, None, 10, 7], "library is 7: expected a string."),
        (["a storm", None, None, None, 10, "demo", None, None, 1962], "since is 1962: expected a string."),
        (["a storm", None, None, None, 10, "demo", None, None, "soon"], "'soon' is no date"),
    ],
)
def test_a_wrong_request_gets_one_sentence(client: Client, arguments: list, sentence: str) -> None:
    with pytest.raises(AppError, match=sentence):
        client.predict(*arguments, api_name="/search_text")


@pytest.mark.parametrize("recording", [5, "nothing.wav", ["a"], {"path": "/etc/passwd"}, {"url": "http://[::1]/a.wav"}])
def test_what_is_no_file_gets_one_sentence(address: str, recording: object) -> None:
    assert called(address, "search_speech", recording)["error"].startswith("The recording cannot be fetched: ")


def test_what_is_left_out_has_its_default(address: str) -> None:
    assert len(called(address, "search_text", "a storm")["hits"]) == 10
    assert called(address, "search_text")["error"] == "query is None: expected a string."
    assert called(address, "search_speech")["error"] == "There is no recording: pass an audio file."


@pytest.mark.parametrize(
    ("name", "arguments", "sentence"),
    [
        ("search_text", ("a storm", None, None, None, True), "k is True: expected an integer."),
        ("export_transcript", ("\ud800",), "recording is '\\ud800': expected a string."),
        ("export_transcript", ("nothing",), "There is no recording 'nothing'"),
        ("get_context", (2**70,), "There is no segment "),
        ("list_recordings", ("demo", "", -1), "Cannot list "),
        ("list_recordings", ("\0",), "There is no library called "),
    ],
)
def test_whatever_a_program_sends_gets_one_sentence(address: str, name: str, arguments: tuple, sentence: str) -> None:
    assert called(address, name, *arguments)["error"].startswith(sentence)


def called(address: str, name: str, *arguments: object) -> dict:
    """What an endpoint answers to a plain request."""
    url, headers = f"{address}gradio_api/call/{name}", {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps({"data": arguments}).encode(), headers)
    with urllib.request.urlopen(request) as reply:
        event = json.load(reply)["event_id"]
    with urllib.request.urlopen(f"{url}/{event}") as reply:
        *_, told = (json.loads(line[6:]) for line in reply.read().decode().splitlines() if line.startswith("data: "))
    return told[0] if isinstance(told, list) else told


@pytest.mark.slow
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
