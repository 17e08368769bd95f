"""The published model in small, from its four parts: loaded, saved, searched, fetched; and what can be wrong."""

import hashlib
import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from transformers import EfficientNetForImageClassification, HubertModel

import clasp
from clasp.audio.decode import Waveform
from clasp.errors import ModelError
from clasp.model import Clasp
from clasp.published import checkpoint, specshow
from clasp.speech import fusion
from tests.clasp.networks import awake
from tests.clasp.published.published_modules import HubertLabseConcat, save
from tests.conftest import DIM, SENTENCES

HUBERT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64,
          "conv_dim": [16] * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4,
          "feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}  # fmt: skip
EFFICIENTNET = {"width_coefficient": 0.25, "depth_coefficient": 0.2, "hidden_dim": 320, "num_labels": 20}


def assembled(folder: Path, kind: str, text_encoder) -> Path:
    """A published model with small parts and a fusion of a kind."""
    torch.manual_seed(5)
    HubertModel(HubertModel.config_class(**HUBERT)).save_pretrained(folder / "speech")
    image = EfficientNetForImageClassification(EfficientNetForImageClassification.config_class(**EFFICIENTNET))
    awake(image, 255 * torch.rand(2, 3, 100, 120)).save_pretrained(folder / "image")
    text_encoder.save(str(folder / "text"))
    head = fusion.build(kind, 32, 20, DIM)
    for layer in head.modules():
        if isinstance(layer, nn.BatchNorm1d):
            layer.running_var.uniform_(0.02, 0.1)
    (folder / "fusion").mkdir()
    save_file(head.state_dict(), folder / "fusion" / "fusion.safetensors")
    config = {"kind": kind, "speech_dim": 32, "image_dim": 20, "dim": DIM}
    (folder / "fusion" / "config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory, text_encoder) -> Path:
    return assembled(tmp_path_factory.mktemp("published"), "concat", text_encoder)


@pytest.fixture(scope="module", params=["concat", "gating"])
def either(request: pytest.FixtureRequest, parts: Path, tmp_path_factory, text_encoder) -> Path:
    """A model with each kind of fusion."""
    return parts if request.param == "concat" else assembled(tmp_path_factory.mktemp("gating"), "gating", text_encoder)


def test_it_is_loaded_from_its_parts_and_again_from_where_it_was_saved(
    either: Path, utterances: list[Waveform], tmp_path: Path
) -> None:
    model = clasp.load(either, device="cpu")
    assert (model.dim, model.meaning_dim, model.sound_dim, model.aligner) == (DIM, DIM, 0, None)
    together = model.encode_speech(utterances)
    alone = np.concatenate([model.encode_speech([utterance]) for utterance in utterances])
    np.testing.assert_allclose(together, alone, atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert np.abs(together[0] - together[2]).max() > 1e-2
    model.save(tmp_path / "saved")
    again = clasp.load(tmp_path / "saved", device="cpu")
    for name, weight in model.speech.state_dict().items():
        assert torch.equal(again.speech.state_dict()[name], weight), name
    np.testing.assert_allclose(again.encode_speech(utterances), together, atol=1e-6)
    np.testing.assert_allclose(again.encode_text(SENTENCES), model.encode_text(SENTENCES), atol=1e-6)
    assert model.language_of("Wo ist der Bahnhof?") == "de"


def test_it_computes_what_the_paper_says(either: Path, utterances: list[Waveform]) -> None:
    model, utterance = clasp.load(either, device="cpu"), utterances[1]
    with torch.inference_mode():
        wave = torch.from_numpy(utterance.samples / np.abs(utterance.samples).max())
        hubert = HubertModel.from_pretrained(either / "speech").eval()
        wave = (wave - wave.mean()) / torch.sqrt(wave.var(correction=0) + 1e-7)
        speech = hubert(wave[None]).last_hidden_state.mean(1)
        image = specshow.draw(utterance.samples, 16_000).permute(2, 0, 1)[None].float()
        seen = model.speech.spectrogram.backbone(image).logits
        both = (nn.functional.normalize(part, dim=1) for part in (speech, seen))
        expected = nn.functional.normalize(fusion.stored(either / "fusion")(*both), dim=1)
    np.testing.assert_allclose(model.encode_speech([utterance]), expected.numpy(), atol=1e-4)


def test_a_library_is_filled_and_searched_with_it(parts: Path, utterances: list[Waveform], tmp_path: Path) -> None:
    import soundfile

    from index.ingest.pipeline import Ingestor
    from index.library import Library
    from index.search import encode, search

    model = clasp.load(parts, device="cpu")
    for number, utterance in enumerate(utterances[:3]):
        soundfile.write(tmp_path / f"{number}.wav", utterance.samples, utterance.rate)
    with Library.create(tmp_path / "library", model) as library:
        list(Ingestor(library, model).add([tmp_path / f"{number}.wav" for number in range(3)]))
        assert len(library) >= 3
        answer = search(library, model, encode(model, text="storm"), k=2)
        assert len(answer.hits) == 2
        query = encode(model, waveform=utterances[1])
        spoken = search(library, model, query, k=1, meaning=0.3)  # of no effect where there is no sound half
        assert spoken.hits[0].meaning == pytest.approx((library.vectors()[1] @ query.vector).max(), abs=1e-3)
        assert 0 <= spoken.hits[0].probability <= 1
    with Library.open(tmp_path / "library", clasp.load(parts, device="cpu")) as library:
        assert len(library) >= 3


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: shutil.rmtree(folder / "speech"), "speech is missing"),
        (lambda folder: (folder / "image" / "model.safetensors").write_bytes(b"x"), "No backbone"),
        (lambda folder: (folder / "fusion" / "fusion.safetensors").unlink(), "No fusion in"),
        (lambda folder: (folder / "text" / "modules.json").write_text("[]"), r"text|fit"),
        (lambda folder: other_labels(folder / "image"), "fusion is for 20 numbers from image/, which gives 7"),
        (lambda folder: pickle_instead(folder / "fusion"), "fusion is for 1024 numbers from speech/, which gives 32"),
    ],
)
def test_what_is_wrong_with_a_part_is_said(damage, message: str, parts: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(parts, tmp_path / "model")
    damage(folder)
    with pytest.raises(ModelError, match=message):
        clasp.load(folder)


def other_labels(folder: Path) -> None:
    config = EfficientNetForImageClassification.config_class(**EFFICIENTNET | {"num_labels": 7})
    EfficientNetForImageClassification(config).save_pretrained(folder)


def pickle_instead(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()
    save(HubertLabseConcat(), folder / "CLASP.pt")


class Hub(BaseHTTPRequestHandler):
    """As much of the hub as `fetch` talks to."""

    files: dict[str, dict[str, bytes]]  # repository: {name: content}
    commits: dict[str, str]
    cut: str = ""  # name of a file that arrives damaged
    asked: list[str]

    def do_GET(self) -> None:
        """Answer the API and the files."""
        self.asked.append(self.path)
        path = self.path.split("?")[0]
        for repository, files in self.files.items():
            commit = self.commits[repository]
            if path.startswith(f"/api/models/{repository}") and path.rpartition("/")[2] in (commit, "main", repository):
                siblings = [{"rfilename": name, "size": len(data), "lfs": {
                    "sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 1}}
                    for name, data in files.items()]  # fmt: skip
                tree = [
                    {"type": "file", "path": name, "size": len(data), "oid": "0" * 40} for name, data in files.items()
                ]
                wanted = tree if "/tree/" in path else {"id": repository, "sha": commit, "siblings": siblings}
                return self._send(json.dumps(wanted).encode())
            for name, data in files.items():
                if path in (f"/{repository}/resolve/{commit}/{name}", f"/{repository}/resolve/main/{name}"):
                    sent = data[:-1] + bytes([data[-1] ^ 1]) if name == self.cut else data
                    return self._send(sent, hashlib.sha256(data).hexdigest(), commit)
        if path.startswith("/torch/"):
            return self._send(self.files["torch"]["b7"])
        self.send_error(404)

    do_HEAD = do_GET

    def _send(self, data: bytes, etag: str = "0", commit: str = "0") -> None:
        self.send_response(200)
        for name, value in (("ETag", f'"{etag}"'), ("X-Repo-Commit", commit), ("Content-Length", str(len(data)))):
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def hub(parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of a hub on this machine, where the published model is a small one."""
    contents = {
        part: {
            path.relative_to(parts / part).as_posix(): path.read_bytes()
            for path in (parts / part).rglob("*")
            if path.is_file()
        }
        for part in ("speech", "text")
    }
    pickled = save(HubertLabseConcat(), tmp_path / "CLASP.pt").read_bytes()
    sources = checkpoint.sources()
    Hub.files = {sources[part].repository: files for part, files in contents.items()}
    Hub.files["llm-lab/CLASP"] = {checkpoint.FUSION: pickled, "README.md": b"# CLASP"}
    weights = b"weights of EfficientNet"
    Hub.files["torch"] = {"b7": weights}
    Hub.commits = {sources[part].repository: sources[part].revision for part in ("speech", "text")}
    Hub.commits |= {"llm-lab/CLASP": "c" * 40, "torch": ""}
    Hub.asked, Hub.cut = [], ""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    name = f"efficientnet_b7-{hashlib.sha256(weights).hexdigest()[:8]}.pth"
    monkeypatch.setattr(checkpoint, "IMAGE", f"{address}/torch/{name}")
    monkeypatch.setenv("CLASP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    yield address
    server.shutdown()
    thread.join()


def test_it_is_fetched_once_whole_and_pinned(hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = checkpoint.fetch(hub)
    assert {path.name for path in folder.iterdir() if path.is_dir()} == {"speech", "image", "text", "fusion"}
    assert not list(folder.rglob("*.pt"))
    assert json.loads((folder / "fusion" / "config.json").read_text())["kind"] == "concat"
    assert any("ece5fabbf034c1073acae96d5401b25be96709d8" in path for path in Hub.asked)
    asked = len(Hub.asked)
    monkeypatch.setenv("CLASP_OFFLINE", "1")
    assert checkpoint.fetch(hub) == folder
    assert len(Hub.asked) == asked  # nothing is asked for again


def test_what_was_damaged_since_is_fetched_again(hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = checkpoint.fetch(hub)
    (image,) = (folder / "image").iterdir()
    whole = image.read_bytes()
    image.write_bytes(b"cut")
    (folder / "speech" / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"No backbone.*delete .*fetched\.json"):
        clasp.load("published")
    (folder / checkpoint.MARK).unlink()
    assert checkpoint.fetch(hub) == folder
    assert image.read_bytes() == whole
    assert (folder / "speech" / "model.safetensors").is_file()


@pytest.mark.parametrize("part", ["model.safetensors", checkpoint.FUSION])
def test_what_arrives_damaged_is_refused_and_fetched_again(hub: str, part: str) -> None:
    Hub.cut = part
    with pytest.raises(ModelError, match=rf"{part} of .* did not arrive whole"):
        checkpoint.fetch(hub)
    Hub.cut = ""
    assert (checkpoint.fetch(hub) / checkpoint.MARK).is_file()


def test_image_weights_of_another_checksum_are_refused(hub: str) -> None:
    Hub.files["torch"]["b7"] = b"others"
    with pytest.raises(ModelError, match=r"cannot be fetched.*hash"):
        checkpoint.fetch(hub)


def test_a_revision_that_is_not_there_is_said(hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "FUSION_REVISION", "d" * 40)
    with pytest.raises(ModelError, match="cannot be fetched"):
        checkpoint.fetch(hub)
    monkeypatch.setattr(checkpoint, "FUSION_REVISION", "main")
    del Hub.files["llm-lab/CLASP"][checkpoint.FUSION]
    with pytest.raises(ModelError, match="CLASP_MODEL"):
        checkpoint.fetch(hub)


def test_without_a_network_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLASP_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match=r"cannot be fetched.*check the network"):
        checkpoint.fetch("http://127.0.0.1:9")
    monkeypatch.setenv("CLASP_OFFLINE", "1")
    with pytest.raises(ModelError, match="CLASP_OFFLINE is set"):
        clasp.load("published")


@pytest.mark.slow
def test_parts_of_the_true_sizes_fit_as_they_are_published(
    text_encoder, utterances: list[Waveform], tmp_path: Path
) -> None:
    from transformers import BertConfig, BertModel

    from clasp.speech.backbones import build
    from index.benchmarks.published import HUBERT_LARGE
    from tests.clasp.published.test_efficientnet import Reference

    build(HUBERT_LARGE).save_pretrained(tmp_path / "speech")
    images = torch.stack([specshow.draw(one.samples, 16_000).permute(2, 0, 1).float() for one in utterances[:2]])
    b7 = awake(Reference(2.0, 3.1, 2560, 1000), images)
    (tmp_path / "image").mkdir()
    torch.save(b7.state_dict(), tmp_path / "image" / "efficientnet_b7.pth")
    text_encoder.save(str(tmp_path / "text"))
    config = BertConfig.from_pretrained(tmp_path / "text", hidden_size=768, num_attention_heads=12)
    BertModel(config).save_pretrained(tmp_path / "text")
    pooling = tmp_path / "text" / "1_Pooling" / "config.json"
    settings = json.loads(pooling.read_text())
    pooling.write_text(json.dumps({name: 768 if value == DIM else value for name, value in settings.items()}))
    (tmp_path / "fusion").mkdir()
    head = HubertLabseConcat()
    save(head, tmp_path / "fusion" / checkpoint.FUSION)
    model = clasp.load(tmp_path, device="cpu")
    assert model.encode_text(SENTENCES[:1]).shape == (1, 768)
    found = model.encode_speech(utterances[:1])
    with torch.inference_mode():
        wave = torch.from_numpy(utterances[0].samples)
        wave = (wave - wave.mean()) / torch.sqrt(wave.var(correction=0) + 1e-7)
        speech = HubertModel.from_pretrained(tmp_path / "speech").eval()(wave[None]).last_hidden_state.mean(1)
        seen = b7(specshow.draw(utterances[0].samples, 16_000).permute(2, 0, 1)[None].float())
        both = (nn.functional.normalize(part, dim=1) for part in (speech, seen))
        expected = nn.functional.normalize(head.eval()(*both), dim=1)
    # 55 random blocks enlarge what rounding differs by
    assert (found * expected.numpy()).sum() > 0.9999
    np.testing.assert_allclose(found, expected.numpy(), atol=5e-3)


def test_a_saved_model_is_not_taken_for_parts(tiny_folder: Path) -> None:
    assert isinstance(clasp.load(tiny_folder), Clasp)
