"""The gradient of a batch that does not fit in memory, or is divided among processes: that of the whole, exactly.

A contrastive loss compares all vectors of a batch, but nobody needs all activations at once. The vectors are computed
part by part and nothing else is kept; the loss gives the gradient of every vector; then every part is computed again,
with the same dropout, and the gradient of its vectors goes down through it (GradCache, arXiv 2101.06983).

Batch normalisation has every part depend on all others. So the means and variances of the whole batch are given to the
network as if they were inputs. What they are is found by going through all parts until nothing changes: once for every
norm that comes after another, and once more. What the loss gains by each of them is found in the same way, and comes to
all activations that they are the mean and the variance of.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from clasp.training.published.processes import Processes


def backward(
    head: nn.Module,
    parts: Sequence[np.ndarray],
    encode: Callable[[np.ndarray], Tensor],
    loss: Callable[[Tensor], Tensor],
    seeds: Sequence[int],
    processes: Processes,
) -> Tensor:
    """Give every weight of `head`, which is in training mode and has no gradient yet, that of a batch.

    Args:
        parts: rows of the batch that fit in memory together; every process is given all and does its own.
        encode: rows -> vectors (rows, dim), by `head`.
        loss: vectors of the whole batch (batch, dim) -> a number. Its own weights get their gradient too.
        seeds: of the dropout in every part, whichever process does it.

    Returns:
        The loss, without a graph.
    """
    if processes.count == 1 and len(parts) == 1:
        torch.manual_seed(seeds[0])
        value = loss(encode(parts[0]))
        value.backward()
        return value.detach()
    norms = [_Norm(layer) for layer in head.modules() if isinstance(layer, nn.BatchNorm1d)]
    ends = np.cumsum([len(part) for part in parts])
    own = [
        (slice(int(end) - len(part), int(end)), part, seed) for end, part, seed in zip(ends, parts, seeds, strict=True)
    ][processes.rank :: processes.count]

    def encoded(part: np.ndarray, seed: int) -> Tensor:
        torch.manual_seed(seed)
        return encode(part)

    try:
        vectors = _forward(norms, own, encoded, int(ends[-1]), processes)
        vectors = vectors.to(next(head.parameters()).dtype).requires_grad_()
        value = loss(vectors)
        value.backward()
        for _ in range(len(norms) + 1):
            head.zero_grad()
            for place, part, seed in own:
                gain = (encoded(part, seed) * vectors.grad[place]).sum()
                sum((norm.gain() for norm in norms), gain).backward()
            if not any([norm.pull(processes) for norm in norms]):
                break
        for norm in norms:
            norm.remember()
    finally:
        for norm in norms:
            norm.remove()
    for weight in head.parameters():
        weight.grad = processes.sum(torch.zeros_like(weight) if weight.grad is None else weight.grad)
    return value.detach()


@torch.no_grad()
def _forward(
    norms: list["_Norm"],
    own: list[tuple[slice, np.ndarray, int]],
    encoded: Callable[[np.ndarray, int], Tensor],
    count: int,
    processes: Processes,
) -> Tensor:
    """Vectors of the whole batch, (count, dim); the norms have its means and variances then."""
    for _ in range(len(norms) + 1):
        found = []
        for place, part, seed in own:
            found.append((place, encoded(part, seed)))
            for norm in norms:
                norm.add()
        if not any([norm.settle(count, processes) for norm in norms]):
            break
    dim = processes.sum(torch.tensor(found[0][1].shape[1] if processes.rank == 0 else 0, device=processes.device))
    vectors = torch.zeros(count, int(dim), dtype=torch.float64, device=processes.device)
    for place, rows in found:
        vectors[place] = rows
    return processes.sum(vectors)


class _Norm:
    """A batch normalisation, by the moments of a batch of which it sees a part at a time.

    Attributes:
        moments: (2, width), mean and variance of the batch.
        pulled: (2, width), what the loss gains by each of them.
        seen: (rows, width), what the layer was given of the last part.
    """

    def __init__(self, layer: nn.BatchNorm1d):
        self.layer = layer.eval()  # keeps no averages by itself
        zero = torch.zeros(2, layer.num_features, dtype=torch.float64, device=layer.weight.device)
        self.moments, self.sums, self.pulled = zero.clone().requires_grad_(), zero.clone(), zero
        self.count = 1
        self.hook = layer.register_forward_hook(self.normalise)

    def normalise(self, layer: nn.BatchNorm1d, inputs: tuple[Tensor], output: Tensor) -> Tensor:
        """What comes out of the layer instead."""
        self.seen = inputs[0].double()
        mean, variance = self.moments
        normal = (self.seen - mean) * (variance + layer.eps).rsqrt()
        return (normal * layer.weight + layer.bias).to(output.dtype)

    def add(self) -> None:
        """Count what was seen."""
        self.sums += torch.stack([self.seen.sum(0), self.seen.square().sum(0)])

    def settle(self, count: int, processes: Processes) -> bool:
        """Take the moments of what was counted; whether they are others than before."""
        mean, square = processes.sum(self.sums) / count
        found = torch.stack([mean, (square - mean.square()).clamp(min=0)])
        changed = not torch.equal(found, self.moments)
        self.count = count
        self.moments.copy_(found)
        self.sums.zero_()
        return changed

    def gain(self) -> Tensor:
        """What the loss gains, by the moments, from what was seen; for its gradient alone."""
        spread = (self.seen - self.moments[0].detach()).square()
        return (self.pulled * torch.stack([self.seen.sum(0), spread.sum(0)])).sum() / self.count

    def pull(self, processes: Processes) -> bool:
        """Take the gradient of the moments; whether it is another than before."""
        mine = self.moments.grad
        found = processes.sum(torch.zeros_like(self.pulled) if mine is None else mine)
        changed = not torch.equal(found, self.pulled)
        self.pulled, self.moments.grad = found, None
        return changed

    def remember(self) -> None:
        """Go on with the averages that are used when nothing is trained, as the layer itself does."""
        with torch.no_grad():
            mean, variance = self.moments
            self.layer.running_mean.lerp_(mean.to(self.layer.running_mean), self.layer.momentum)
            unbiased = (variance * self.count / (self.count - 1)).to(self.layer.running_var)
            self.layer.running_var.lerp_(unbiased, self.layer.momentum)
            self.layer.num_batches_tracked += 1

    def remove(self) -> None:
        """Leave the layer as it was."""
        self.hook.remove()
        self.layer.train()
