"""Put the trained parts together as one model folder, with its model card.

python -m clasp train release --out assets/model
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save_file

from clasp.model import Clasp
from clasp.phones.encoder import PhoneEncoder
from clasp.phones.inventory import INVENTORY
from clasp.speech.phone_speech_encoder import PRETRAINED, PhoneSpeechEncoder
from clasp.training import meaning, ngrams, recognizer, simulated_asr, sound
from clasp.training.data import shards

MEANING_WEIGHT = 0.3  # of a vector's halves, by HITS@1 on validation


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--corpus", type=Path, default=Path("runs/corpus"))
    parser.add_argument("--decoded", type=Path, default=Path("runs/decoded"))
    parser.add_argument("--text", type=Path, default=Path("runs/text"))
    parser.add_argument("--recognizer", type=Path, default=Path("runs/recognizer"))
    parser.add_argument("--sound", type=Path, default=Path("runs/sound"))
    parser.add_argument("--meaning", type=Path, default=Path("runs/meaning"))
    parser.add_argument("--out", type=Path, default=Path("assets/model"))


def run(args: argparse.Namespace) -> int:
    from sentence_transformers import SentenceTransformer

    config: dict[str, Any] = {
        "languages": ["en", *simulated_asr.READ_LANGUAGES],
        "speech_encoder": {
            "dim": ngrams.DIM,
            "speech": {
                "backbone": PRETRAINED,
                "recognizer": {name: recognizer.RECOGNIZER[name] for name in ("width", "layers", "heads", "kernel")},
                "ngrams": ngrams.ENCODER,
                "readings": meaning.READINGS,
            },
        },
        "phone_encoder": sound.ENCODER,
        "meaning_weight": MEANING_WEIGHT,
        "average_spellings": True,
    }
    speech = PhoneSpeechEncoder(config["speech_encoder"])
    speech.recognizer.load_state_dict(recognizer.trained(args.recognizer).state_dict())
    speech.ngrams.load_state_dict(meaning.trained(args.meaning).state_dict())
    phone_encoder = PhoneEncoder(**sound.ENCODER)
    phone_encoder.load_state_dict(torch.load(args.sound / "checkpoint.pt", weights_only=True)["model"])
    text = SentenceTransformer(str(args.text), device="cpu", local_files_only=True)
    shutil.rmtree(args.out / "text", ignore_errors=True)
    Clasp(text, speech, phone_encoder, config, device="cpu").save(args.out)
    frequencies = np.bincount(shards.load(args.corpus, "train").phones, minlength=len(INVENTORY)).astype(np.float32)
    tables = {"confusions": np.load(args.decoded / "confusions.npy"), "frequencies": frequencies / frequencies.sum()}
    save_file(tables, args.out / "alignment.safetensors")
    if (args.text / "card.json").is_file():
        shutil.copy(args.text / "card.json", args.out / "text")
    size = sum(path.stat().st_size for path in args.out.rglob("*") if path.is_file())
    print(json.dumps({"folder": str(args.out), "megabytes": round(size / 1e6, 1)}))
    return 0
