"""What every training loop shares: checkpoints that resume exactly, and the learning-rate schedule."""

import math
from pathlib import Path
from typing import Any

import torch

from clasp.device import cpu_has_bfloat16
from clasp.files import whole_file


class Checkpoint:
    """State of a training run in `folder/checkpoint.pt`, replaced atomically.

    Args:
        parts: anything with `state_dict` and `load_state_dict`. Batches and augmentation are drawn from the
            seed and the step alone, so the random state of the loop is the global generator's.
    """

    def __init__(self, folder: Path, **parts: Any):
        self.path = folder / "checkpoint.pt"
        self.parts = parts
        folder.mkdir(parents=True, exist_ok=True)

    def resume(self) -> int:
        """Load the last state, if there is one; the number of steps done."""
        if not self.path.exists():
            return 0
        state = torch.load(self.path, map_location="cpu", weights_only=True)
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
        torch.set_rng_state(state["random"])
        return state["step"]

    def save(self, step: int) -> None:
        """Write the state after so many steps."""
        state = {name: part.state_dict() for name, part in self.parts.items()}
        with whole_file(self.path) as path:
            torch.save(state | {"step": step, "random": torch.get_rng_state()}, path)


def descend(loss: torch.Tensor, optimiser: torch.optim.Optimizer, rate: float) -> float:
    """One step of the optimiser at learning rate `rate`, the gradient cut to length 1; the loss as a number.

    A group of parameters with a `scale` learns so many times faster.
    """
    optimiser.zero_grad()
    loss.backward()
    for group in optimiser.param_groups:
        group["lr"] = rate * group.get("scale", 1.0)
    torch.nn.utils.clip_grad_norm_([weight for group in optimiser.param_groups for weight in group["params"]], 1.0)
    optimiser.step()
    return loss.item()


@torch.no_grad()
def update_average(average: torch.nn.Module, model: torch.nn.Module, decay: float) -> None:
    """Move the running average of the weights towards the weights."""
    for mean, value in zip(average.parameters(), model.parameters(), strict=True):
        mean.lerp_(value, 1 - decay)


def autocast() -> torch.autocast:
    """bfloat16 where the processor multiplies it."""
    if torch.cuda.is_available():
        return torch.autocast("cuda", torch.bfloat16)
    return torch.autocast("cpu", torch.bfloat16, enabled=cpu_has_bfloat16())


def learning_rate(step: int, steps: int, peak: float, warm_up: int) -> float:
    """Linear warm-up, then a cosine down to a hundredth of `peak`."""
    if step < warm_up:
        return peak * (step + 1) / warm_up
    done = (step - warm_up) / max(steps - warm_up, 1)
    return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(done, 1.0))))
