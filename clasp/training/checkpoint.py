"""What every training loop shares: checkpoints that resume exactly, and the learning-rate schedule."""

import math
from pathlib import Path
from typing import Any

import torch

from clasp.device import cpu_has_bfloat16


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
        state = {name: part.state_dict() for name, part in self.parts.items()}
        temporary = self.path.with_suffix(".tmp")
        torch.save(state | {"step": step, "random": torch.get_rng_state()}, temporary)
        temporary.rename(self.path)


def descend(loss: torch.Tensor, optimiser: torch.optim.Optimizer, rate: float, longest: float = 1.0) -> float:
    """One step of the optimiser at learning rate `rate`, the gradient cut to length `longest`; the loss as a number."""
    optimiser.zero_grad()
    loss.backward()
    follow(optimiser, rate, longest)
    return loss.item()


def follow(optimiser: torch.optim.Optimizer, rate: float, longest: float = 1.0) -> None:
    """One step along the gradient that the weights have, cut to length `longest`; a group of parameters with a `scale`
    learns so many times faster."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group.get("scale", 1.0)
    torch.nn.utils.clip_grad_norm_([weight for group in optimiser.param_groups for weight in group["params"]], longest)
    optimiser.step()


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
