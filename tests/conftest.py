"""What all tests share: a home of their own, the model that ships, and a tiny one with random weights."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import clasp
from clasp.audio.decode import Waveform
from clasp.model import Clasp, build_speech_encoder
from clasp.phones.encoder import PhoneEncoder

DIM = 24
SPEECH = {
    "dim": DIM,
    "speech": {
        "backbone": {"width": 16, "layers": 2, "heads": 2, "taps": [1, 2]},
        "recognizer": {"width": 32, "layers": 1, "heads": 2, "kernel": 5},
        "ngrams": {"runs": 500, "embedding": 16, "width": 16, "layers": 1, "heads": 2, "pools": 4},
    },
}
PUBLISHED = {  # the published architecture in small: waveform and image backbones, the meaning alone
    "dim": DIM,
    "speech": {
        "backbone": {
            "model_type": "hubert", "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
            "intermediate_size": 64, "conv_dim": [16] * 7, "num_conv_pos_embeddings": 16,
            "num_conv_pos_embedding_groups": 4,
        },
    },
    "spectrogram": {"size": [64, 64], "backbone": {"model_type": "efficientnet", "width_coefficient": 0.1,
                                                   "depth_coefficient": 0.1, "hidden_dim": 128}},
    "fusion": "concat",
}  # fmt: skip
SENTENCES = [
    "The ship was lost in the storm.",
    "Das Schiff ging im Sturm verloren.",
    "Bread",
    "Wo ist der Bahnhof?",
]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What failed at first, where it is read: `make test` lets a test lose one race against a busy machine, not two."""
    for report in terminalreporter.stats.get("rerun", []):
        terminalreporter.section(f"failed at first: {report.nodeid}")
        for text in (report.longreprtext, *(text for _, text in report.sections)):
            terminalreporter.write_line(text[-2_000:])


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The person's data directory while tests run: theirs is neither read nor written.

    What can be made anew, such as the demo library, is made once for all workers."""
    folder, run = tmp_path_factory.mktemp("home"), tmp_path_factory.getbasetemp()
    cache = (run.parent if "PYTEST_XDIST_WORKER" in os.environ else run) / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(folder))
        patch.setenv("CLASP_CACHE", str(cache))
        yield folder


@pytest.fixture(autouse=True)
def leaves_no_library(home: Path) -> Iterator[None]:
    """A library that one test leaves where the next one looks would change what that one finds."""
    yield
    left = list(home.glob("clasp/libraries/*"))
    for folder in left:
        shutil.rmtree(folder)
    assert not left, f"{left} was made: give the test a library or an XDG_DATA_HOME of its own"


@pytest.fixture(scope="session")
def bundled() -> Clasp:
    """The model that ships."""
    return clasp.load()


@pytest.fixture
def loaded(bundled: Clasp, monkeypatch: pytest.MonkeyPatch) -> None:
    """`clasp.load()` gives the model that ships, which takes seconds to load anew."""
    monkeypatch.setattr(clasp, "load", lambda *_: bundled)


@pytest.fixture(scope="session")
def text_encoder(tmp_path_factory: pytest.TempPathFactory):
    """A sentence-transformers model with a vocabulary of letters."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    torch.manual_seed(1)
    letters = ["[PAD]", "[UNK]", *"abcdefghijklmnopqrstuvwxyz", " ", "."]
    tokenizer = Tokenizer(models.WordLevel({letter: number for number, letter in enumerate(letters)}, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    folder = tmp_path_factory.mktemp("text")
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", model_max_length=64
    ).save_pretrained(folder)
    config = BertConfig(vocab_size=len(letters), hidden_size=DIM, num_hidden_layers=1, num_attention_heads=2,
                        intermediate_size=48)  # fmt: skip
    BertModel(config).save_pretrained(folder)
    transformer = Transformer(str(folder))
    return SentenceTransformer(modules=[transformer, Pooling(DIM)], device="cpu")


def build(text_encoder, speech: dict, sound: bool) -> Clasp:
    """A model with random weights: nothing it finds means anything, everything it promises must hold."""
    torch.manual_seed(0)
    phone_encoder = {"dim": 16, "hidden": 16, "layers": 2, "kernel": 5} if sound else None
    config = {"languages": ["en", "de", "fr"], "speech_encoder": speech, "phone_encoder": phone_encoder}
    encoder = build_speech_encoder(speech)
    return Clasp(text_encoder, encoder, PhoneEncoder(**phone_encoder) if sound else None, config, device="cpu")


@pytest.fixture(scope="session")
def tiny(text_encoder) -> Clasp:
    return build(text_encoder, SPEECH, sound=True)


@pytest.fixture(scope="session")
def tiny_published(text_encoder) -> Clasp:
    return build(text_encoder, PUBLISHED, sound=False)


@pytest.fixture(scope="session")
def tiny_folder(tiny: Clasp, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    tiny.save(folder)
    return folder


@pytest.fixture(scope="session")
def utterances() -> list[Waveform]:
    """Synthesised speech of very different lengths, 0.5 to 24 s."""
    from clasp.training.data.synthesis import Voice, speak

    texts = [
        "Yes.",
        SENTENCES[0],
        "A much longer sentence follows the short one, and it is not done yet. " * 2,
        SENTENCES[0] * 12,
    ]
    return [Waveform(speak(text, Voice("espeak", "en-us", "en")).samples.astype(np.float32)) for text in texts]


@pytest.fixture(scope="session")
def spoken() -> list[np.ndarray]:
    """Three synthesised sentences, float32 (n,) at 16 kHz each, without the silence around them."""
    from clasp.training.data.synthesis import Voice, speak

    texts = (
        "The ferry did not leave the harbour because the fog was too thick to see the lighthouse.",
        "My grandmother baked her bread with rye from the mill across the river.",
        "Nobody had told the driver that the bridge would be closed until Thursday.",
    )
    clips = [speak(text, Voice("espeak", "en-us", "en")).samples.astype(np.float32) for text in texts]
    loud = [np.flatnonzero(np.abs(clip) > 0.01) for clip in clips]
    return [clip[where[0] : where[-1]] for clip, where in zip(clips, loud, strict=True)]
