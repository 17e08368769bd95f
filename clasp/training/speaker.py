"""Learn to tell speakers apart: a linear map of what the lowest layers of the backbone give, by discriminant analysis.

    python -m clasp train speaker --out runs/model

It learns from real recordings of the training split, each as it is, in a room, with noise and by telephone, so that who
speaks is told apart, not where. The principal components of the features go through a discriminant analysis, whose
dimensions have the same spread within a speaker; both are one linear map. What it is worth is measured on
speakers of the held-out splits, printed, and noted in card.json beside the features.
"""

import argparse
import json
import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from torch import Tensor, nn

from clasp.audio.decode import SAMPLE_RATE, decode
from clasp.device import best_device, cpu_has_bfloat16
from clasp.evaluation.distortions import Distorted, Distortion, Room, Telephone, WhiteNoise
from clasp.evaluation.tables import Table
from clasp.files import write_text
from clasp.speech.speaker import SpeakerHead, features, unit
from clasp.speech.speaker_clusters import clusters
from clasp.speech.whisper_encoder import SPEAKER_LAYERS, WhisperEncoder, log_mel
from clasp.training.augment import degrade
from clasp.training.data.clips import Clip
from clasp.training.data.corpora import clips, data_folder
from clasp.training.feature_cache import cache_folder, cached_features

FOLDER = Path("runs/speaker")
CLEAN, DEGRADED = "as it is", "degraded"
DISTORTIONS: dict[str, Distortion] = {"telephone": Telephone(), "room": Room(), "noise": WhiteNoise(10)}
LEARNED = (CLEAN, DEGRADED, *DISTORTIONS)  # conditions of the training split
MEASURED = (CLEAN, *DISTORTIONS)
CALIBRATED = (CLEAN, "telephone", "room")  # conditions that the thresholds are for
MOST = 15  # seconds of a clip
BATCH = 32
PRINCIPAL, DIM = 1200, 256  # components, and numbers of an embedding
SHRINKAGE = 0.1  # of the spread within a speaker towards that which is the same in all directions
FALSE_MATCHES = 0.002  # of pairs of speakers in two recordings: there are many others to be mistaken for
TALK = 6  # utterances of a speaker in a recording, for calibration
THRESHOLDS = np.linspace(0, 0.6, 25)
SMALL = 5  # held-out speakers that a corpus must have for a line of its own


@dataclass(frozen=True)
class Rendering:
    """A clip in some condition."""

    clip: Clip
    condition: str

    @property
    def speaker(self) -> str:
        """No two corpora share one."""
        return f"{self.clip.corpus}/{self.clip.speaker}"

    def checksum(self) -> str:
        """Of what it is made of."""
        return f"{zlib.crc32(self.clip.audio()):08x}{zlib.crc32(self.condition.encode()):08x}"  # type: ignore[arg-type]

    def spectrogram(self) -> Tensor:
        """float32 (2 * frames, BINS), not yet degraded."""
        distortion = DISTORTIONS.get(self.condition)
        wave = decode(self.clip.audio()) if distortion is None else Distorted(self.clip, distortion).waveform()
        return log_mel(torch.from_numpy(wave.samples[: MOST * SAMPLE_RATE]))


@dataclass(frozen=True, eq=False)
class Speech:
    """n renderings and their features, float32 (n, features), see `clasp.speech.speaker.features`."""

    renderings: Sequence[Rendering]
    features: np.ndarray


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, help="folder of the training data (default: $CLASP_DATA, data)")
    parser.add_argument("--features", type=Path, default=FOLDER, help="where features are kept for the next time")
    parser.add_argument("--clips", type=int, default=12, help="of a speaker, at most (default: 12)")
    parser.add_argument("--out", type=Path, default=Path("runs/model"), help="the model folder to complete")


def run(args: argparse.Namespace) -> int:
    chosen = choose(clips(data_folder(args.data)), args.clips)
    encoder = WhisperEncoder.pretrained().to(best_device())
    about = {"backbone": "whisper-base", "layers": SPEAKER_LAYERS}
    lowest = [encoder.conv1, encoder.conv2, *encoder.layers[:SPEAKER_LAYERS]]
    home = cache_folder(args.features, about, [MOST], lowest, 2 * _width(encoder) * len(chosen))
    if encoder.positions.device.type == "cuda" or cpu_has_bfloat16():
        encoder = encoder.to(torch.bfloat16)
    training = encode(encoder, [one for one in chosen if one.clip.split == "train"], home)
    held_out = encode(encoder, [one for one in chosen if one.clip.split != "train"], home)
    head = calibrate(fit(training), held_out)
    head.save(args.out)
    measured = measure(head, held_out)
    write_text(args.features / "card.json", json.dumps(measured, indent=1) + "\n")
    Console(width=120).print(table(measured).rich())
    return 0


def choose(found: Sequence[Clip], most: int) -> list[Rendering]:
    """Renderings of up to so many clips of every speaker."""
    of_speaker: dict[tuple[str, str], list[Clip]] = defaultdict(list)
    for place in np.random.default_rng(0).permutation(len(found)):
        of_speaker[found[place].corpus, found[place].speaker].append(found[place])
    return [
        Rendering(clip, condition)
        for several in of_speaker.values()
        for clip in several[:most]
        for condition in (LEARNED if clip.split == "train" else MEASURED)
    ]


def encode(encoder: WhisperEncoder, renderings: Sequence[Rendering], folder: Path) -> Speech:
    """The features of renderings, which are kept in `folder`."""
    compute = partial(_features, encoder)
    of_condition = [[one for one in renderings if one.condition == condition] for condition in LEARNED]
    ordered = [one for several in of_condition for one in several]
    found = cached_features(folder, of_condition, Rendering.checksum, _loaded, compute, "who speaks")
    return Speech(ordered, found.rows.astype(np.float32))


def _loaded(one: Rendering) -> tuple[bool, Tensor]:
    return one.condition == DEGRADED, one.spectrogram()


@torch.inference_mode()
def _features(encoder: WhisperEncoder, loaded: list[tuple[bool, Tensor]]) -> np.ndarray:
    """Features, float16 (n, features), of spectrograms, of which some are to be degraded."""
    made = np.empty((len(loaded), _width(encoder)), np.float16)
    order = np.argsort([len(mel) for _, mel in loaded], kind="stable")
    for rows in np.array_split(order, -(-len(order) // BATCH)):
        mels = [loaded[row][1] for row in rows]
        if loaded[rows[0]][0]:
            lengths = torch.tensor([len(mel) for mel in mels])
            padded = nn.utils.rnn.pad_sequence(mels, batch_first=True)
            draw = torch.Generator().manual_seed(int(lengths.sum()))
            mels = [mel[:count] for mel, count in zip(degrade(padded, lengths, draw), lengths.tolist(), strict=True)]
        moments = encoder.moments([mel.to(encoder.positions.device) for mel in mels])
        made[rows] = features(moments.float().cpu().numpy())
    return made


def _width(encoder: WhisperEncoder) -> int:
    """How many features an utterance has."""
    return 2 * (1 + SPEAKER_LAYERS) * encoder.positions.shape[1]


def fit(speech: Speech) -> SpeakerHead:
    """The linear map that tells the speakers of some renderings apart best; not yet calibrated."""
    from scipy.linalg import eigh

    names, speakers, counts = np.unique(
        [one.speaker for one in speech.renderings], return_inverse=True, return_counts=True
    )
    x = speech.features.astype(np.float64)
    mean = x.mean(0)
    _, axes = eigh(np.cov(x.T), subset_by_index=(max(0, x.shape[1] - PRINCIPAL), x.shape[1] - 1))
    x = (x - mean) @ axes  # (n, principal)
    centres = np.zeros((len(names), x.shape[1]))
    np.add.at(centres, speakers, x)
    centres /= counts[:, None]
    within = x - centres[speakers]
    within = within.T @ within / max(1, len(x) - len(names))
    within += SHRINKAGE * np.trace(within) / len(within) * np.eye(len(within))
    _, discriminants = eigh(np.cov(centres.T), within)  # whitens what is within a speaker
    weights = axes @ discriminants[:, ::-1][:, :DIM]
    weights = weights.astype(np.float16).astype(np.float32)  # as they are stored
    return SpeakerHead(weights, -(mean @ weights).astype(np.float32), cluster=0.0, match=0.0)


def calibrate(head: SpeakerHead, speech: Speech) -> SpeakerHead:
    """The head with its thresholds: the one by which recordings of one to four speakers are divided best, and the one
    that FALSE_MATCHES of the pairs of two speakers reach who speak in two recordings."""
    trials = _Trials.of(head, speech)
    recordings = trials.recordings()
    errors = [np.mean([_wrong_pairs(one, threshold) for one in recordings]) for threshold in THRESHOLDS]
    cosines, same = trials.talks()
    match = float(np.quantile(cosines[~same], 1 - FALSE_MATCHES))
    return replace(head, cluster=float(THRESHOLDS[int(np.argmin(errors))]), match=match)


def measure(head: SpeakerHead, speech: Speech) -> dict[str, Any]:
    """How well speakers are told apart whom the head has not learned from: equal error rates of pairs of utterances by
    corpus and by condition, pairs decided wrongly in recordings of several speakers, and speakers recognized in others.
    """
    trials = _Trials.of(head, speech)
    corpora, conditions = trials.corpora, trials.conditions
    clean = conditions == CLEAN
    rates = {f"{corpus}, {CLEAN}": trials.pairs(clean & (corpora == corpus)) for corpus in trials.large}
    rates |= {f"all corpora, {CLEAN}": trials.pairs(clean)}
    rates |= {f"all corpora, {CLEAN} with {other}": trials.pairs(clean, conditions == other) for other in DISTORTIONS}
    rates |= {"all corpora, all conditions": trials.pairs(np.ones(len(clean), bool))}
    cosines, same = trials.talks()
    return {
        "equal_error_rates": {
            name: {"rate": round(equal_error_rate(*pairs), 4), "pairs": int(pairs[1].sum())}
            for name, pairs in rates.items()
        },
        "wrong_pairs": round(float(np.mean([_wrong_pairs(one, head.cluster) for one in trials.recordings()])), 4),
        "recognized": round(float((cosines[same] >= head.match).mean()), 4),
        "recognized_wrongly": round(float((cosines[~same] >= head.match).mean()), 4),
        "thresholds": {"cluster": round(head.cluster, 4), "match": round(head.match, 4)},
    }


def table(measured: dict[str, Any]) -> Table:
    """The equal error rates."""
    rows = [
        (name, str(one["pairs"]), f"{100 * one['rate']:.1f} %") for name, one in measured["equal_error_rates"].items()
    ]
    title = (
        f"Held-out speakers: pairs of utterances. In recordings of one to four speakers "
        f"{100 * measured['wrong_pairs']:.1f} % of the pairs are decided wrongly; "
        f"{100 * measured['recognized']:.0f} % of the speakers are recognized in another recording, "
        f"{100 * measured['recognized_wrongly']:.1f} % of the pairs of two are taken for one."
    )
    return Table(title, ("pairs of", "of one speaker", "equal error rate"), rows)


def equal_error_rate(cosines: np.ndarray, same: np.ndarray) -> float:
    """The share of wrong decisions about pairs, by their cosines, (n,), at the threshold where two speakers are taken
    for one as often as one is for two."""
    same = same[np.argsort(-cosines, kind="stable")]
    accepted, rejected = np.cumsum(~same) / max(1, (~same).sum()), 1 - np.cumsum(same) / max(1, same.sum())
    place = int(np.abs(accepted - rejected).argmin())
    return float(accepted[place] + rejected[place]) / 2


@dataclass(frozen=True, eq=False)
class _Trials:
    """Embeddings of n held-out utterances, float32 (n, dim), and what is known of each."""

    embeddings: np.ndarray
    speakers: np.ndarray
    corpora: np.ndarray
    conditions: np.ndarray
    clips: np.ndarray

    @classmethod
    def of(cls, head: SpeakerHead, speech: Speech) -> "_Trials":
        """Of corpora with several held-out speakers, for the others have one whom some training data may be of."""
        facts = [(one.speaker, one.clip.corpus, one.condition, one.clip.id) for one in speech.renderings]
        speakers, corpora, conditions, clips = np.array(facts).T
        embeddings = unit(speech.features @ head.weights + head.bias)
        several = np.isin(corpora, [one for one in np.unique(corpora) if len(np.unique(speakers[corpora == one])) > 1])
        return cls(*(part[several] for part in (embeddings, speakers, corpora, conditions, clips)))

    @property
    def large(self) -> list[str]:
        """The corpora with SMALL speakers or more."""
        every = np.unique(self.corpora).tolist()
        return [one for one in every if len(np.unique(self.speakers[self.corpora == one])) >= SMALL]

    def pairs(self, one: np.ndarray, other: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Cosines of all pairs of different clips, (pairs,), of those where `one` is true with those where `other` is
        (default: with one another), and whether they are of one speaker."""
        rows, columns = np.flatnonzero(one), np.flatnonzero(one if other is None else other)
        cosines = self.embeddings[rows] @ self.embeddings[columns].T
        same = self.speakers[rows][:, None] == self.speakers[columns]
        different = self.clips[rows][:, None] != self.clips[columns]
        if other is None:
            different &= rows[:, None] < columns
        return cosines[different], same[different]

    def recordings(self, count: int = 150) -> list[tuple[np.ndarray, np.ndarray]]:
        """Recordings put together of utterances in one condition, of one to four speakers of a corpus: embeddings and
        speakers of each utterance."""
        draw = np.random.default_rng(0)
        made: list[tuple[np.ndarray, np.ndarray]] = []
        groups = [(corpus, condition) for corpus in self.large for condition in CALIBRATED]
        while len(made) < count:
            corpus, condition = groups[draw.integers(len(groups))]
            here = (self.corpora == corpus) & (self.conditions == condition)
            names, counts = np.unique(self.speakers[here], return_counts=True)
            talkative = names[counts >= 4]
            if len(talkative) < 2:
                groups.remove((corpus, condition))
                continue
            chosen = draw.permutation(talkative)[: draw.integers(1, 5)]
            rows = draw.permutation(np.flatnonzero(here & np.isin(self.speakers, chosen)))
            made.append((self.embeddings[rows], self.speakers[rows]))
        return made

    def talks(self) -> tuple[np.ndarray, np.ndarray]:
        """Cosines of the mean embeddings of two recordings each, of TALK utterances at most in any of CALIBRATED, and
        whether they are of one speaker."""
        first, second, names = [], [], []
        for speaker in np.unique(self.speakers):
            for condition in CALIBRATED:
                rows = np.flatnonzero((self.speakers == speaker) & (self.conditions == condition))[: 2 * TALK]
                if len(rows) >= 4:
                    rows = rows[np.argsort(self.clips[rows], kind="stable")]  # the same halves in every condition
                    half = len(rows) // 2
                    first.append(self.embeddings[rows[:half]].mean(0))
                    second.append(self.embeddings[rows[half:]].mean(0))
                    names.append(speaker)
        same = np.array(names)[:, None] == np.array(names)
        return (unit(np.array(first)) @ unit(np.array(second)).T).ravel(), same.ravel()


def _wrong_pairs(recording: tuple[np.ndarray, np.ndarray], threshold: float) -> float:
    """The share of the pairs of utterances of a recording that clustering takes for one speaker's and are two's, or the
    other way round."""
    embeddings, speakers = recording
    labels = clusters(embeddings, np.full(len(embeddings), 4.0), threshold)
    pairs = np.triu_indices(len(labels), 1)
    wrong = (labels[:, None] == labels) != (speakers[:, None] == speakers)
    return float(wrong[pairs].mean())
