"""`python -m clasp listen`, with a file in the microphone's place."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from clasp.audio.decode import SAMPLE_RATE, decode
from clasp.errors import AudioError
from index.cli.listen import _device, recorded
from index.cli.main import main

ROOT = Path(__file__).parents[3]
AUDIO = ROOT / "assets" / "library" / "audio"


def test_a_file_as_if_it_were_spoken(tmp_path: Path, loaded: None, capsys: pytest.CaptureFixture[str]):
    gap = np.zeros(SAMPLE_RATE, np.float32)
    parts = [gap, decode(AUDIO / "adventure-01.ogg").samples, gap, decode(AUDIO / "news-03.ogg").samples, gap]
    soundfile.write(tmp_path / "spoken.wav", np.concatenate(parts), SAMPLE_RATE)
    assert main(["listen", "--from", str(tmp_path / "spoken.wav")]) == 0
    hits = [line for line in capsys.readouterr().out.splitlines() if "%" in line]
    assert "100%" in hits[0] and "The ship was lost in the storm" in hits[0]
    assert any("The central bank left its interest rate unchanged" in line for line in hits[1:])


def test_silence(tmp_path: Path, loaded: None, capsys: pytest.CaptureFixture[str]):
    soundfile.write(tmp_path / "silence.wav", np.zeros(SAMPLE_RATE), SAMPLE_RATE)
    assert main(["listen", "--from", str(tmp_path / "silence.wav")]) == 1
    assert capsys.readouterr().out.strip() == "Nothing was said."


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--from", "nothing.wav"], "There is no file nothing.wav"),
        (["--device", "no such microphone"], "microphone"),
        (["--loopback"], "--"),
    ],
)
def test_one_line_says_what_is_wrong(arguments: list[str], error: str, capsys: pytest.CaptureFixture[str]):
    assert main(["listen", *arguments]) == 2
    told = capsys.readouterr()
    assert told.out == "" and error in told.err and told.err.count("\n") == 1


def test_a_device_is_a_number_or_a_name(monkeypatch: pytest.MonkeyPatch):
    names = ["Scarlett 2i2 USB (hw:3,0)", "Speakers", "Microphone 3", "USB Audio", "USB", "Webcam C930"]
    devices = [{"index": number, "name": name, "max_input_channels": int(name != "Speakers"),
                "default_samplerate": 48_000.0} for number, name in enumerate(names)]  # fmt: skip
    opened = []

    class Stream:
        def __init__(self, device: int | None, **_: object) -> None:
            opened.append(device)
            raise PortAudioError("not here")

    class PortAudioError(Exception):
        pass

    port = SimpleNamespace(
        query_devices=lambda device=None, kind=None: devices if kind is None else devices[device or 0],
        InputStream=Stream, PortAudioError=PortAudioError,
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "sounddevice", port)
    for asked, expected in {"3": 3, "2": 2, " 0 ": 0, "usb": 4, "USB Audio": 3, "c930": 5, "scarlett": 0}.items():
        with pytest.raises(AudioError, match="cannot be used"):
            next(recorded(_device(asked, loopback=False)))
        assert opened.pop() == expected, asked
    for asked in ("1", "6", "930", "none", " "):  # the first one hears nothing
        with pytest.raises(AudioError, match="no microphone"):
            _device(asked, loopback=False)


def test_without_portaudio_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["listen", "--list-devices"]) == 2
    told = capsys.readouterr().err
    assert "apt install libportaudio2" in told and told.count("\n") == 1
