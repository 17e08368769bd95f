"""Recognizers: tiny random checkpoints beside their own models, and errors."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from clasp.audio.decode import SAMPLE_RATE, Waveform
from clasp.errors import ModelError
from clasp.evaluation.recognizers import load, understands, word_error_rate
from clasp.speech.transcript import Transcript, compression_ratio

LETTERS = ["<pad>", "<s>", "</s>", "<unk>", "|", *"abcdefghijklmnopqrstuvwxyz'"]


@pytest.fixture(scope="module")
def noise() -> Waveform:
    return Waveform(np.random.default_rng(0).normal(0, 0.1, SAMPLE_RATE).astype(np.float32))


@pytest.fixture(scope="module")
def ctc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wav2vec2 with a CTC head over letters, as transformers saves it."""
    from transformers import (
        Wav2Vec2Config,
        Wav2Vec2CTCTokenizer,
        Wav2Vec2FeatureExtractor,
        Wav2Vec2ForCTC,
        Wav2Vec2Processor,
    )

    folder = tmp_path_factory.mktemp("ctc")
    (folder / "vocab.json").write_text(json.dumps({letter: number for number, letter in enumerate(LETTERS)}))
    tokenizer = Wav2Vec2CTCTokenizer(folder / "vocab.json")
    Wav2Vec2Processor(Wav2Vec2FeatureExtractor(), tokenizer).save_pretrained(folder)
    torch.manual_seed(0)
    config = Wav2Vec2Config(
        vocab_size=len(LETTERS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        conv_dim=(8,) * 7, num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2, pad_token_id=0,
    )  # fmt: skip
    Wav2Vec2ForCTC(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whisper of English and French with a vocabulary of bytes, as transformers saves it."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import (
        GenerationConfig,
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperProcessor,
        WhisperTokenizer,
    )

    special = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|fr|>", "<|translate|>", "<|transcribe|>",
               "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]  # fmt: skip
    times = [f"<|{0.02 * step:.2f}|>" for step in range(1501)]
    vocabulary = {token: n for n, token in enumerate([*sorted(ByteLevel.alphabet()), *special, *times])}
    tokenizer = WhisperTokenizer(vocab=vocabulary, merges=[])
    tokenizer.add_tokens(times)
    tokenizer.add_special_tokens({"additional_special_tokens": special})
    folder = tmp_path_factory.mktemp("whisper")
    WhisperProcessor(WhisperFeatureExtractor(feature_size=8), tokenizer).save_pretrained(folder)
    torch.manual_seed(0)
    end, start = vocabulary["<|endoftext|>"], vocabulary["<|startoftranscript|>"]
    model = WhisperForConditionalGeneration(WhisperConfig(
        vocab_size=len(vocabulary), num_mel_bins=8, d_model=16, encoder_layers=1, decoder_layers=1,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16,
        pad_token_id=end, bos_token_id=end, eos_token_id=end, decoder_start_token_id=start,
        begin_suppress_tokens=None,
    ))  # fmt: skip
    model.generation_config = GenerationConfig(
        bos_token_id=end, eos_token_id=end, pad_token_id=end, decoder_start_token_id=start, is_multilingual=True,
        lang_to_id={code: vocabulary[code] for code in ("<|en|>", "<|fr|>")},
        task_to_id={task: vocabulary[f"<|{task}|>"] for task in ("transcribe", "translate")},
        no_timestamps_token_id=vocabulary["<|notimestamps|>"], prev_sot_token_id=vocabulary["<|startofprev|>"],
        max_initial_timestamp_index=50, max_new_tokens=8, num_beams=1,
    )  # fmt: skip
    model.save_pretrained(folder)
    return folder


def test_a_ctc_checkpoint_writes_the_collapsed_best_path(ctc: Path, noise: Waveform) -> None:
    from transformers import Wav2Vec2ForCTC

    samples = torch.from_numpy(noise.samples)[None]
    normal = (samples - samples.mean()) / torch.sqrt(samples.var(correction=0) + 1e-7)
    best = Wav2Vec2ForCTC.from_pretrained(ctc).eval()(normal).logits[0].argmax(-1).tolist()
    runs = [letter for place, letter in enumerate(best) if place == 0 or letter != best[place - 1]]
    written = "".join(LETTERS[letter] for letter in runs if letter >= 4).replace("|", " ")
    found = load(str(ctc)).transcribe([noise, noise], "en-US")
    assert written.strip() and [one.text for one in found] == 2 * [written.strip()]
    assert found[0] == Transcript(found[0].text, "en", compression_ratio=compression_ratio(found[0].text))
    assert understands(load(str(ctc)), "xx")  # it does not say


def test_a_whisper_checkpoint_writes_what_its_model_generates(whisper: Path, noise: Waveform) -> None:
    from transformers import WhisperForConditionalGeneration, WhisperProcessor

    processor = WhisperProcessor.from_pretrained(whisper)
    model = WhisperForConditionalGeneration.from_pretrained(whisper).eval()
    mels = processor(noise.samples, sampling_rate=SAMPLE_RATE, return_tensors="pt").input_features
    for language in ("en", "fr"):
        tokens = model.generate(mels, language=language, task="transcribe")
        expected = processor.batch_decode(tokens, skip_special_tokens=True)[0].strip()
        (found,) = load(str(whisper)).transcribe([noise], f"{language}-XX")
        assert (found.text, found.language) == (expected, language)
    assert len(load(str(whisper)).transcribe([Waveform(np.tile(noise.samples, 31))], "en")) == 1
    assert not understands(load(str(whisper)), "de")
    with pytest.raises(ModelError, match="does not understand 'de'"):
        load(str(whisper)).transcribe([noise], "de")


def test_a_whisper_of_english_alone_is_told_no_language(whisper: Path, noise: Waveform, tmp_path: Path) -> None:
    folder = shutil.copytree(whisper, tmp_path / "english")
    path = folder / "generation_config.json"
    settings = json.loads(path.read_text()) | {"is_multilingual": False}
    path.write_text(json.dumps({name: value for name, value in settings.items() if not name.endswith("_to_id")}))
    assert len(load(str(folder)).transcribe([noise], "en")) == 1
    with pytest.raises(ModelError, match="does not understand 'fr'"):
        load(str(folder)).transcribe([noise], "fr")


def broken(name: str, ctc: Path, folder: Path) -> str:
    """A name that is no recognizer."""
    shutil.copytree(ctc, folder, dirs_exist_ok=True)
    config = json.loads((folder / "config.json").read_text())
    if name == "an empty folder":
        shutil.rmtree(folder)
        folder.mkdir()
    elif name == "no JSON":
        (folder / "config.json").write_text("{")
    elif name == "another kind":
        (folder / "config.json").write_text(json.dumps(config | {"model_type": "clasp"}))
    elif name == "no head":
        (folder / "config.json").write_text(json.dumps(config | {"architectures": ["Wav2Vec2Model"]}))
    elif name == "no weights":
        (folder / "model.safetensors").unlink()
    elif name == "damaged weights":
        (folder / "model.safetensors").write_bytes(b"\xff" * 64)
    elif name == "no vocabulary":
        for path in folder.glob("*okenizer*"):
            path.unlink()
        (folder / "vocab.json").write_text("[1")
    elif name == "another rate":
        path = next(path for path in folder.glob("*.json") if "feature_extractor_type" in path.read_text())
        path.write_text(path.read_text().replace("16000", "8000"))
    elif name == "a file":
        return str(folder / "config.json")
    elif name == "nothing there":
        return str(folder / "missing")
    return str(folder)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("an empty folder", "no config.json"),
        ("no JSON", "cannot be loaded"),
        ("another kind", "cannot be loaded"),
        ("no head", r"Wav2Vec2Model\) does not write what it hears"),
        ("no weights", "cannot be loaded"),
        ("damaged weights", "cannot be loaded"),
        ("no vocabulary", "cannot be loaded"),
        ("another rate", "hears 8000 Hz"),
        ("a file", "There is no folder"),
        ("nothing there", "There is no folder"),
    ],
)
def test_what_is_no_recognizer_is_named_in_one_line(name: str, message: str, ctc: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        load(broken(name, ctc, tmp_path))
    assert "\n" not in str(caught.value)


def test_without_network_a_hub_name_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="hub cannot be reached"):
        load("nobody/has-such-a-model")


def test_word_error_rate_counts_over_all_texts() -> None:
    assert word_error_rate(["Don’t go — NOW!"], ["don't go now"]) == 0
    assert word_error_rate(["one two three", "four"], ["one three", "five six"]) == 3 / 4  # missing, wrong, added
    assert word_error_rate(["a b c"], [""]) == 1
    for said, heard in ((["a"], []), (["…"], ["a"])):
        with pytest.raises(ValueError):
            word_error_rate(said, heard)
