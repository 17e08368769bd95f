"""The published CLASP (arXiv 2412.13071): HuBERT-large and EfficientNet-B7, fused towards LaBSE as the authors did.

    model = clasp.load("published")                    # fetched once, 3.7 GB
    CLASP_MODEL=/media/published python app.py         # or from a folder, without any network

A published model is a folder of four parts:

    speech/    facebook/hubert-large-ls960-ft, as transformers stores it; the mean of its last hidden states is taken
    image/     torchvision's efficientnet_b7_lukemelas-c5b4e57e.pth; it sees the figure that
            clasp/published/specshow.py draws
    text/      sentence-transformers/LaBSE, as sentence-transformers stores it
    fusion/    what `python -m clasp convert` makes of CLASP_Concat_Final_Fusion_Encoder.pt, or that file itself

What is fetched is pinned to a revision and compared with its checksum. The model has the meaning half alone; its scores
are rough until `python -m clasp calibrate` has seen it. It gets what is above 8 kHz no more than the rest of CLASP
does, so the authors' own 22 kHz recordings look a little different at the top of the figure.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from clasp.errors import ModelError
from clasp.files import sha256
from clasp.model import Clasp
from clasp.published import checkpoint_reader, efficientnet
from clasp.published.convert import convert
from clasp.settings import cache, current
from clasp.speech import backbones, fusion
from clasp.speech.fused_encoder import FusedSpeechEncoder
from clasp.text import sentence_encoder

IMAGE = "https://download.pytorch.org/models/efficientnet_b7_lukemelas-c5b4e57e.pth"
FUSION, FUSION_REVISION = "CLASP_Concat_Final_Fusion_Encoder.pt", "main"
MARK = "fetched.json"  # written last: what the folder holds is whole
# LaBSE's languages that are distinguished from each other
LANGUAGES = (
    "en", "af", "am", "ar", "as", "az", "be", "bg", "bn", "bs", "ca", "cs", "cy", "da", "de", "el", "eo", "es",
    "et", "eu", "fa", "fi", "fr", "fy", "ga", "gd", "gl", "gu", "he", "hi", "hr", "ht", "hu", "hy", "id", "ig", "is",
    "it", "ja", "jv", "ka", "kk", "km", "kn", "ko", "ku", "ky", "la", "lb", "lo", "lt", "lv", "mg", "mk", "ml", "mn",
    "mr", "ms", "mt", "my", "ne", "nl", "no", "or", "pa", "pl", "pt", "ro", "ru", "rw", "si", "sk", "sl",
    "sn", "so", "sq", "sr", "st", "sv", "sw", "ta", "te", "tg", "th", "tk", "tl", "tr", "tt", "ug", "uk", "ur", "uz",
    "vi", "xh", "yo", "zh", "zu",
)  # fmt: skip


@dataclass(frozen=True)
class Source:
    """A repository of the hub, the commit of it that is taken, and which of its files: the first of `weights` there."""

    repository: str
    revision: str
    files: tuple[str, ...]
    weights: tuple[str, ...] = ("model.safetensors", "pytorch_model.bin")


def sources() -> dict[str, Source]:
    """Where each part comes from that the hub has."""
    return {
        "speech": Source("facebook/hubert-large-ls960-ft", "ece5fabbf034c1073acae96d5401b25be96709d8",
                         ("config.json", "preprocessor_config.json")),
        "text": Source("sentence-transformers/LaBSE", "e34fab64a3011d2176c99545a93d5cbddc9a91b7",
                       ("config.json", "config_sentence_transformers.json", "modules.json", "sentence_bert_config.json",
                        "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt",
                        "1_Pooling/*", "2_Dense/*", "3_Normalize/*")),
        "fusion": Source("llm-lab/CLASP", FUSION_REVISION, (), (FUSION,)),
    }  # fmt: skip


def load(device: str | torch.device | None = None) -> Clasp:
    """The published model, fetched if it is not there yet.

    Raises:
        ModelError: if it cannot be fetched, or is not whole.
    """
    folder = fetch()
    try:
        return assemble(folder, device)
    except ModelError as error:
        raise ModelError(f"{error} To fetch what is damaged again, delete {folder / MARK}.") from error


def fetch(endpoint: str | None = None) -> Path:
    """The folder of the published model in the cache; what is missing of it is fetched.

    Args:
        endpoint: of the hub, if it is another one.

    Raises:
        ModelError: if something cannot be fetched, and what to do about it.
    """
    settings = current()
    folder = cache() / "published"
    wanted = {part: f"{source.repository}@{source.revision}" for part, source in sources().items()} | {"image": IMAGE}
    mark = folder / MARK
    if mark.is_file() and mark.read_text("utf-8") == _text(wanted):
        return folder
    if settings.offline:
        raise ModelError(f"The published model is not in {folder} and CLASP_OFFLINE is set: fetch it once with a "
                         "network, or give a folder that has it as CLASP_MODEL.")  # fmt: skip
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for part, source in sources().items():
            _fetch_part(source, folder / part, endpoint)
        image = folder / "image" / IMAGE.rpartition("/")[2]
        claimed = image.stem.rpartition("-")[2]
        if not image.is_file() or not sha256(image).startswith(claimed):
            image.parent.mkdir(exist_ok=True)
            torch.hub.download_url_to_file(IMAGE, str(image), hash_prefix=claimed, progress=False)
        mark.write_text(_text(wanted), "utf-8")
    except ModelError:
        raise
    except Exception as error:  # networks, hubs and disks fail in many ways; each is reported, none hidden
        raise ModelError(f"The published model cannot be fetched ({_short(error)}): check the network and the space in "
                         f"{folder}, and try again; what is there stays.") from error  # fmt: skip
    return folder


def assemble(folder: str | Path, device: str | torch.device | None = None) -> Clasp:
    """The model whose four parts are in `folder`.

    Raises:
        ModelError: naming the part that is missing, damaged, or does not fit the others.
    """
    folder = Path(folder)
    missing = [part for part in ("speech", "image", "text", "fusion") if not (folder / part).is_dir()]
    if missing:
        raise ModelError(f"{folder} is no published model: {', '.join(missing)} is missing.")
    speech, features = backbones.load(folder / "speech", "speech")
    image = _image(folder / "image")
    kind, head = _fusion(folder / "fusion")
    try:
        text = sentence_encoder.load(folder / "text")
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise ModelError(
            f"The text encoder in {folder / 'text'} is damaged ({_short(error)}): fetch it again."
        ) from error
    dims = (backbones.width(speech), image.config.num_labels, text.get_embedding_dimension())
    expected = (head.speech[0].in_features, head.image[0].in_features, _outputs(head))
    for part, found, wanted in zip(("speech", "image", "text"), dims, expected, strict=True):
        if found != wanted:
            raise ModelError(
                f"The parts of {folder} do not fit: the fusion is for {wanted} numbers from {part}/, "
                f"which gives {found}."
            )
    encoder = {
        "dim": dims[2],
        "speech": {"backbone": speech.config.to_dict(), "features": features},
        "spectrogram": {"figure": True, "backbone": image.config.to_dict()},
        "fusion": kind,
        "unit_inputs": True,  # "do not forget to normalize" both, say the authors' notebooks
    }
    fused = FusedSpeechEncoder(encoder, speech, image)
    fused.fusion = head
    languages = list(LANGUAGES)
    config = {"languages": languages, "speech_encoder": encoder, "phone_encoder": None}
    return Clasp(text, fused, None, config | {"weights": "float32"}, folder=folder, device=device)


def _image(folder: Path) -> backbones.Backbone:
    files = sorted(folder.glob("*.pth"))
    if files:
        return efficientnet.read(files[0])
    return backbones.load(folder, "image", classify=True)[0]


def _fusion(folder: Path) -> tuple[str, Any]:
    files = sorted(folder.glob("*.pt"))
    if (folder / "config.json").is_file() or not files:
        head = fusion.stored(folder)
        return next(kind for kind, made in fusion.FUSIONS.items() if type(head) is made), head
    read = checkpoint_reader.read(files[0])
    head = fusion.build(read.kind, checkpoint_reader.SPEECH, checkpoint_reader.IMAGE, checkpoint_reader.DIM)
    head.load_state_dict(read.weights)
    return read.kind, head


def _outputs(head: Any) -> int:
    return head.speech[-1].out_features


def _fetch_part(source: Source, target: Path, endpoint: str | None) -> None:
    """Bring a repository's files to `target` and compare them with the checksums that the hub states."""
    from huggingface_hub import HfApi, snapshot_download

    path = target / "config.json"
    if target.name == "fusion" and path.is_file() and json.loads(path.read_text()).get("revision") == source.revision:
        return
    found = HfApi(endpoint=endpoint).model_info(source.repository, revision=source.revision, files_metadata=True)
    files = {one.rfilename: one.lfs.sha256 if one.lfs else None for one in found.siblings or []}
    weights = next((name for name in source.weights if name in files), None)
    if weights is None:
        raise ModelError(f"{source.repository} at {source.revision[:12]} has no {' or '.join(source.weights)}: give "
                         "a folder with the four parts as CLASP_MODEL.")  # fmt: skip
    into = target if target.name != "fusion" else target.with_name("fetching")
    patterns = [*source.files, weights]
    snapshot_download(source.repository, revision=found.sha, local_dir=into, allow_patterns=patterns, endpoint=endpoint)
    for name, claimed in files.items():
        path = into / name
        if claimed and path.is_file() and sha256(path) != claimed:
            path.unlink()
            raise ModelError(f"{name} of {source.repository} did not arrive whole: try again.")
    if target.name == "fusion":  # converted once; the pickle is not needed again
        config = convert(into / weights, target)
        (target / "config.json").write_text(json.dumps(config | {"revision": source.revision}, indent=1) + "\n")
        shutil.rmtree(into)


def _text(wanted: dict[str, Any]) -> str:
    return json.dumps(wanted, indent=1, sort_keys=True) + "\n"


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
