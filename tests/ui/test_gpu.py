"""A Space's GPU, lent as ZeroGPU lends it: arguments and results are pickled, the call runs in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SPACES = """
import multiprocessing, os
fork = multiprocessing.get_context("fork")
asked = []

def GPU(duration):
    def lend(function):
        def run(queue, arguments, named):
            queue.put((os.getpid(), function(*arguments, **named)))
        def call(*arguments, **named):
            queue = fork.Queue()
            worker = fork.Process(target=run, args=(queue, arguments, named))
            worker.start()
            where, result = queue.get()
            worker.join()
            assert where != os.getpid()
            asked.append((function.__name__, duration))
            return result
        return call
    return lend
"""
ASK = """
import sys
from ui.gpu import borrowed, spaces
import numpy as np, torch
torch.set_num_threads(1)
import clasp

model = clasp.load()
sound = [clasp.decode("assets/library/queries/watch.ogg")]
expected = model.encode_text(["A sentence."], ["en"]), model.encode_speech(sound)
again = borrowed(model)
found = again.encode_text(["A sentence."], ["en"]), again.encode_speech(sound)
assert again is model
for one, other in zip(found, expected):
    np.testing.assert_allclose(one, other, atol=1e-5)
print(spaces and spaces.asked, "torch" in sys.modules)
"""


def test_a_gpu_is_borrowed_to_encode(tmp_path: Path) -> None:
    (tmp_path / "spaces.py").write_text(SPACES)
    paths = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = _asked({"PYTHONPATH": paths})
    assert done == "[('_encode_text', 10), ('_encode_speech', 30)] True"


def _asked(settings: dict[str, str]) -> str:
    environment = {**os.environ, **settings, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", ASK], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]
