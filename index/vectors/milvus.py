"""The vectors of a library in a Milvus server, which searches them by HNSW as well: CLASP_INDEX says where it is.

    index = MilvusIndex.open("milvus://localhost:19530", name, segments, halves, knows)

A library is a collection with a partition for each half, since a collection has one field of vectors before Milvus 2.4.
An entity is a half of a segment: its vector, the facts that searches are filtered by, and its state, a number made of
these facts and of when the vector was replaced. The database is the truth: at opening, the model and version that the
collection tells, and counts, are compared with it, and where they differ the states of all entities; what is missing is
inserted, what is gone deleted. Where the server does not answer, all is compared one by one in memory until it does.
"""

import hashlib
import json
import logging
import random
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np

from clasp.errors import LibraryError
from index.vectors.protocol import Version
from index.vectors.segment_table import SegmentTable

FACTS = ("recording", "category", "language", "speaker", "date", "tags")  # columns of a SegmentTable
PARTITIONS = ("meaning", "sound")
LINKS, BUILD_EFFORT, EFFORT = 16, 200, 200  # as in `hnsw`
SECONDS = 2.0  # for a search, tries included
WRITE_SECONDS = 30.0
BUILD_SECONDS = 600.0  # until all is on the server's disk
PAUSE_SECONDS = 10.0  # after a failure the server is left alone for so long, or half as long again
BATCH = 1_000  # segments that are written at a time
MOST_FOUND = 16_384  # of a search, set by Milvus
MOST_NAMES = 1_000  # in a filter
TEXT_BYTES = 65_535  # of a fact, set by Milvus

log = logging.getLogger(__name__)


class MilvusIndex:
    """What a collection holds of a library.

    Attributes:
        filters: whether searches heed names.
        patience: seconds that a search may take, tries included.
    """

    filters = True
    patience = SECONDS

    def __init__(
        self,
        server: "_Server",
        halves: Sequence[slice],
        held: "_States",
        version: Version | None,
    ) -> None:
        """Use `open`. Args: version: of the library that the collection holds whole, None where that is not known."""
        self._server = server
        self._halves = tuple(halves)
        self._held = held
        self._version = version

    @classmethod
    def open(
        cls,
        address: str,
        library: str,
        segments: SegmentTable,
        halves: Sequence[slice],
        knows: Callable[[Version], bool],
    ) -> "MilvusIndex":
        """The collection of a library, made if there is none.

        Args:
            address: milvus:// or milvus+tls://, [user:password@|token@]host[:port][/database].
            library: what distinguishes it from all others, letters and digits.
            knows: whether the library was once of a version.

        Raises:
            LibraryError: if the address is none, the server does not answer or does not let us in, or the collection
                holds vectors of another model or size.
        """
        server = _Server(address, f"clasp_{library}", max(half.stop - half.start for half in halves))
        with server.explained():
            version = server.prepared(segments.version.model, len(halves), knows)
            whole = version == segments.version and server.holds(len(segments), len(halves))
            held = _States.of(segments) if whole else server.states(len(halves))
        return cls(server, halves, held, segments.version if whole else None)

    def __len__(self) -> int:
        return len(self._held.ids)

    @property
    def trouble(self) -> str:
        """Why the server is not asked now; '' if it is."""
        return self._server.trouble

    def lacks(self, segments: SegmentTable) -> np.ndarray:
        """Which of the segments the collection does not hold, or not as they are now, bool (n,)."""
        if segments.version == self._version:
            return np.zeros(len(segments), bool)
        return ~self._held.have(_States.of(segments))

    def is_behind(self, version: Version, lacking: int) -> bool:
        """Whether anything has changed, and the server may be asked."""
        return version != self._version and not self.trouble

    def search(self, half: int, query: np.ndarray, k: int, names: Mapping[str, Collection[str]]) -> np.ndarray:
        """Ids, int64 (≤ k,), of segments near in a half (0: meaning, 1: sound) to that of a query, nearest first, among
        those that have one of some `names` in every column that is given.

        Empty where the server does not answer in time: search exactly then.
        """
        count = sum(map(len, names.values()))
        if self.trouble or count > MOST_NAMES:
            return np.empty(0, np.int64)
        where = " and ".join(f"{column} in {json.dumps([*some], ensure_ascii=False)}" for column, some in names.items())
        try:
            return self._server.search(half, query, min(k, MOST_FOUND), where, self.patience)
        except Exception as error:
            self._server.leave_alone(error)
            return np.empty(0, np.int64)

    def extended(self, segments: SegmentTable, stop: Callable[[], bool] = lambda: False) -> "MilvusIndex":
        """The collection once it holds just these segments, or after fewer were written if it is told to `stop`, or the
        server fails."""
        if self.trouble:
            return self
        try:
            wanted, count = _States.of(segments), len(self._halves)
            if self._server.version() == segments.version and self._server.holds(len(segments), count):
                return MilvusIndex(self._server, self._halves, wanted, segments.version)  # another process wrote them
            gone = self._held.ids[~np.isin(self._held.ids, wanted.ids)]
            self._server.delete(gone)
            rows = np.flatnonzero(~self._held.have(wanted))
            for start in range(0, len(rows), BATCH):
                if start and stop():
                    held = self._held.without(gone).updated(wanted.ids[rows[:start]], wanted.states[rows[:start]])
                    return MilvusIndex(self._server, self._halves, held, None)
                self._server.write(segments, rows[start : start + BATCH], wanted, self._halves)
            self._server.tell(segments.version)
        except Exception as error:
            self._server.leave_alone(error)
            return self
        return MilvusIndex(self._server, self._halves, wanted, segments.version)

    def save(self, folder: Path, version: Version) -> None:
        """Nothing: the server keeps it."""

    def wait_until_built(self) -> None:
        """Return once the server has its graphs of all that it holds; it builds them in the background."""
        self._server.wait_until_built()

    def drop(self) -> None:
        """Delete the collection."""
        self._server.drop()


class _States:
    """Ids of segments and a number for each of what an index must know of it."""

    def __init__(self, ids: np.ndarray, states: np.ndarray) -> None:
        self.ids, self.states = ids, states  # int64 (n,), ids ascending

    @classmethod
    def of(cls, segments: SegmentTable) -> "_States":
        """Those of a library."""
        states = segments.replaced.astype(np.uint64)
        for name in FACTS:
            column = segments.columns[name]
            numbers = [hashlib.blake2b(f"{name} {one}".encode(), digest_size=8).digest() for one in column.names]
            states = states * np.uint64(0x9E3779B97F4A7C15) + np.frombuffer(b"".join(numbers), "<u8")[column.codes]
        return cls(segments.ids, states.view(np.int64))

    def have(self, wanted: "_States") -> np.ndarray:
        """Which of those wanted are among these, bool (n,)."""
        if not len(self.ids):
            return np.zeros(len(wanted.ids), bool)
        places = np.searchsorted(self.ids, wanted.ids).clip(max=len(self.ids) - 1)
        return (self.ids[places] == wanted.ids) & (self.states[places] == wanted.states)

    def without(self, ids: np.ndarray) -> "_States":
        """These without some."""
        stays = ~np.isin(self.ids, ids)
        return _States(self.ids[stays], self.states[stays])

    def updated(self, ids: np.ndarray, states: np.ndarray) -> "_States":
        """These, and others, int64 (m,), that take the place of those with the same ids."""
        rest = self.without(ids)
        ids, states = np.concatenate([rest.ids, ids]), np.concatenate([rest.states, states])
        order = np.argsort(ids)
        return _States(ids[order], states[order])


class _Server:
    """A collection of a Milvus server; every call may raise what pymilvus raises."""

    def __init__(self, address: str, collection: str, dim: int) -> None:
        try:
            from pymilvus import MilvusClient
        except ImportError as error:
            raise LibraryError(
                "CLASP_INDEX names a Milvus server, but pymilvus is not installed: pip install 'clasp-search[milvus]'."
            ) from error
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # it logs what it raises
        self.name, options = _parsed(address)
        self._collection, self._dim = collection, dim
        self._not_before = 0.0
        with self.explained():
            self._client: MilvusClient = MilvusClient(**options, timeout=PAUSE_SECONDS)

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Raise what the server raises as a LibraryError, a sentence for a person."""
        from grpc import RpcError
        from pymilvus.exceptions import MilvusException

        try:
            yield
        except (MilvusException, RpcError) as error:
            text = f"{error} {error.__cause__ or ''}".lower()  # connecting tells why in its cause alone
            if "unauthenticated" in text or "auth check failure" in text:
                why = "does not accept the user and password, or token, in CLASP_INDEX: correct them"
            elif re.search(r"database\S* not found", text):
                why = "has no database of the name in CLASP_INDEX: create it, or name another one"
            elif any(one in text for one in ("unavailable", "deadline", "timeout")):
                why = "does not answer: start it, or unset CLASP_INDEX to search without it"
            else:
                why = f"refuses: {' '.join(str(error).split())[:200]}"
            raise LibraryError(f"The Milvus server at {self.name} {why}.") from error

    @property
    def trouble(self) -> str:
        """Why the server is left alone; '' if it is not."""
        failing = time.monotonic() < self._not_before
        return "The Milvus server does not answer: searching takes longer." if failing else ""

    def leave_alone(self, error: Exception) -> None:
        """Ask nothing for a while, after an error."""
        self._not_before = time.monotonic() + PAUSE_SECONDS * random.uniform(1, 1.5)
        log.warning("The Milvus server at %s failed: %s", self.name, " ".join(str(error).split())[:300])

    def prepared(self, model: str, halves: int, knows: Callable[[Version], bool]) -> Version | None:
        """Make the collection if there is none, or if it is of a model that made the library before; the version that
        it tells."""
        client = self._client
        if client.has_collection(self._collection, timeout=WRITE_SECONDS):
            description = client.describe_collection(self._collection, timeout=WRITE_SECONDS)
            made_by, version = description["description"], self.version(description)
            wanted = _made_by(model, self._dim)
            there = {one["name"] for one in description["fields"]}
            whole = there.issuperset(FACTS) and bool(client.list_indexes(self._collection))  # which are made last
            if made_by == wanted and whole:
                client.load_collection(self._collection, timeout=WRITE_SECONDS)
                return version
            if made_by != wanted and (version is None or not knows(replace(version, model=model))):
                raise LibraryError(
                    f"The collection {self._collection} of the Milvus server at {self.name} holds other vectors than "
                    f"those of this library ({made_by[:80]!r}, not {wanted!r}): drop the collection, or name another "
                    "database in CLASP_INDEX."
                )
            client.drop_collection(self._collection, timeout=WRITE_SECONDS)
        self._create(model, halves)
        return None

    def _create(self, model: str, halves: int) -> None:
        from pymilvus import DataType, MilvusClient

        schema = MilvusClient.create_schema(
            auto_id=False, enable_dynamic_field=False, description=_made_by(model, self._dim)
        )
        schema.add_field("id", DataType.INT64, is_primary=True)  # twice that of the segment, plus the half
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=self._dim)
        schema.add_field("state", DataType.INT64)
        for fact in FACTS:
            schema.add_field(fact, DataType.VARCHAR, max_length=TEXT_BYTES)
        graph = MilvusClient.prepare_index_params()
        effort = {"M": LINKS, "efConstruction": BUILD_EFFORT}
        graph.add_index(field_name="vector", index_type="HNSW", metric_type="COSINE", params=effort)
        self._client.create_collection(self._collection, schema=schema, timeout=WRITE_SECONDS)
        for name in PARTITIONS[:halves]:
            self._client.create_partition(self._collection, name, timeout=WRITE_SECONDS)
        self._client.create_index(self._collection, graph, timeout=WRITE_SECONDS)
        self._client.load_collection(self._collection, timeout=WRITE_SECONDS)

    def version(self, description: dict[str, Any] | None = None) -> Version | None:
        """That of the library when all of it was written last, as the collection tells."""
        if description is None:
            description = self._client.describe_collection(self._collection, timeout=SECONDS)
        told = description.get("properties", {}).get("clasp.version")
        return Version(**json.loads(told)) if told else None

    def tell(self, version: Version) -> None:
        """All of the library is written."""
        told = {"clasp.version": json.dumps(vars(version))}
        self._client.alter_collection_properties(self._collection, properties=told, timeout=WRITE_SECONDS)

    def holds(self, segments: int, halves: int) -> bool:
        """Whether there are so many entities of each half, those included that were written a moment ago."""
        return all(
            self._client.query(
                self._collection, filter="", output_fields=["count(*)"], partition_names=[name],
                consistency_level="Strong", timeout=WRITE_SECONDS,
            )[0]["count(*)"] == segments
            for name in PARTITIONS[:halves]
        )  # fmt: skip

    def states(self, halves: int) -> _States:
        """Those of the segments of which each half is there."""
        found: list[dict[int, int]] = []
        for name in PARTITIONS[:halves]:
            entities = self._client.query_iterator(
                self._collection, filter="id >= 0", partition_names=[name], output_fields=["state"], batch_size=BATCH,
                consistency_level="Strong", timeout=WRITE_SECONDS,
            )  # fmt: skip
            found.append({})
            while block := entities.next():
                found[-1] |= {one["id"] // 2: one["state"] for one in block}
            entities.close()
        everything = {number: None for states in found for number in states}
        states = {
            number: found[0].get(number, 0) if len({one.get(number) for one in found}) == 1 else -1
            for number in sorted(everything)
        }
        return _States(np.array([*states], np.int64), np.array([*states.values()], np.int64))

    def delete(self, ids: np.ndarray) -> None:
        """Take out segments, int64 (n,)."""
        for start in range(0, len(ids), BATCH):
            block = ids[start : start + BATCH]
            self._client.delete(
                self._collection, ids=[*(2 * block).tolist(), *(2 * block + 1).tolist()], timeout=WRITE_SECONDS
            )

    def write(self, segments: SegmentTable, rows: np.ndarray, states: _States, halves: Sequence[slice]) -> None:
        """Insert segments, rows int64 (n,), or replace them."""
        columns = [segments.columns[name] for name in FACTS]
        facts = [
            {name: _cut(column.names[column.codes[row]]) for name, column in zip(FACTS, columns, strict=True)}
            | {"state": int(states.states[row])}
            for row in rows.tolist()
        ]
        for number, half in enumerate(halves):
            vectors = _padded(segments.vectors[rows, half].astype(np.float32), self._dim)
            entities = [
                {"id": 2 * identity + number, "vector": vector, **known}
                for identity, vector, known in zip(segments.ids[rows].tolist(), vectors, facts, strict=True)
            ]
            self._client.upsert(self._collection, entities, partition_name=PARTITIONS[number], timeout=WRITE_SECONDS)

    def search(self, half: int, query: np.ndarray, k: int, where: str, seconds: float) -> np.ndarray:
        """Ids of the segments nearest in a half."""
        (hits,) = self._client.search(
            self._collection, data=[_padded(query[None], self._dim)[0].tolist()], anns_field="vector", limit=k,
            filter=where, partition_names=[PARTITIONS[half]], consistency_level="Session", timeout=seconds,
            search_params={"metric_type": "COSINE", "params": {"ef": max(EFFORT, k)}},
        )  # fmt: skip
        return np.array([hit["id"] // 2 for hit in hits], np.int64)

    def wait_until_built(self) -> None:
        """Return once there are graphs of all entities."""
        self._client.flush(self._collection, timeout=BUILD_SECONDS)
        while self._client.describe_index(self._collection, "vector", timeout=WRITE_SECONDS)["pending_index_rows"]:
            time.sleep(1)

    def drop(self) -> None:
        """Delete the collection."""
        self._client.drop_collection(self._collection, timeout=WRITE_SECONDS)


def _parsed(address: str) -> tuple[str, dict[str, str]]:
    """The server of an address, as a person knows it, and what the client wants to know of it.

    Raises:
        LibraryError: if it is no such address.
    """
    parts, where = urlsplit(address), {"milvus": "http", "milvus+tls": "https"}
    try:
        name = f"{parts.hostname}:{parts.port or 19530}"
    except ValueError:  # the port is no number
        name = ""
    if parts.scheme not in where or not parts.hostname or not name:
        raise LibraryError(
            "CLASP_INDEX is no address of a Milvus server: write milvus://host:19530/database, with user:password@ "
            "before the host if it asks for that, and milvus+tls:// for TLS."
        )
    token = ":".join(unquote(one) for one in (parts.username, parts.password) if one)
    return name, {"uri": f"{where[parts.scheme]}://{name}", "token": token, "db_name": parts.path.strip("/")}


def _made_by(model: str, dim: int) -> str:
    """How a collection tells what its vectors are."""
    return f"vectors of {dim} numbers by the model {model[:12]}"


def _padded(vectors: np.ndarray, dim: int) -> np.ndarray:
    """Vectors with zeros at their end, (n, dim), which leave cosines as they are."""
    return np.pad(vectors, ((0, 0), (0, dim - vectors.shape[1])))


def _cut(text: str) -> str:
    return text.encode()[:TEXT_BYTES].decode(errors="ignore")
