"""Train the demo's network: ``python -m tilefold.demo.train``. Needs PyTorch.

The seeds are fixed, so a machine repeats its own result; another number of threads or another
version of PyTorch rounds differently and arrives at weights that are as good, not the same. The
constants below were chosen by training on some of the training images and trying the others; the
held-out images had no say.
"""

import argparse
import sys
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import save as serialise

from ..files import write_whole
from ..maps import Floats
from . import digits
from .network import CLASSES, EPSILON, STAGES, accuracy, fold, forward

# Imported inside the functions that use it, so that the module can be imported without it.
if TYPE_CHECKING:
    from torch import Tensor, nn

#: Seed of the initial weights, of the order of the images, and of their distortion.
SEED = 0

BATCH = 32

#: Largest shift of a training image in each direction, as a share of its side: two pixels.
SHIFT = 2 / digits.SIDE

#: Largest turn in radians, slant, and change of width and height of a training image.
BEND = 0.1

#: Share of a label's certainty that is spread over all classes, against overconfidence.
SMOOTHING = 0.1

#: Peak of the learning rate, which rises over the first part of the training and then falls.
RATE = 3e-2

#: Pulls weights towards zero, which keeps the ranges of the maps small as well.
DECAY = 1e-2


def build() -> "nn.Sequential":
    """Build the untrained network, its parts named as in :data:`~tilefold.demo.network.STAGES`."""
    from torch import nn

    parts: OrderedDict[str, nn.Module] = OrderedDict()
    for stage in STAGES:
        parts[stage.name] = nn.Conv2d(
            stage.inputs,
            stage.outputs,
            stage.kernel,
            stage.stride,
            padding=stage.kernel // 2,
            bias=False,
        )
        parts[f"{stage.name}_norm"] = norm = nn.BatchNorm2d(stage.outputs, eps=EPSILON)
        if stage.relu:
            parts[f"{stage.name}_relu"] = nn.ReLU()
        else:
            norm.bias.requires_grad_(False)  # stays at the zero it starts with
    parts["average"] = nn.AdaptiveAvgPool2d(1)
    parts["flatten"] = nn.Flatten()
    parts["linear"] = nn.Linear(STAGES[-1].outputs, CLASSES)
    return nn.Sequential(parts)


def distort(images: "Tensor") -> "Tensor":
    """Shift, turn, slant and stretch every image a little, each in its own way.

    Parameters
    ----------
    images : float32[n, 1, h, w]
        The images.

    Returns
    -------
    float32[n, 1, h, w]
        The distorted images, with paper where nothing was.
    """
    import torch
    from torch.nn.functional import affine_grid, grid_sample

    def uniform(limit: float) -> "Tensor":
        return (2 * torch.rand(len(images)) - 1) * limit

    turn, slant = uniform(BEND), uniform(BEND)
    # Where a pixel of the result is taken from; coordinates run from -1 to 1, so a side is 2.
    across = [torch.cos(turn) + uniform(BEND), slant - torch.sin(turn), uniform(2 * SHIFT)]
    down = [torch.sin(turn), torch.cos(turn) + uniform(BEND), uniform(2 * SHIFT)]
    matrices = torch.stack([torch.stack(across, dim=1), torch.stack(down, dim=1)], dim=1)
    grid = affine_grid(matrices, list(images.shape), align_corners=False)
    return grid_sample(images, grid, align_corners=False)


def train(model: "nn.Sequential", data: digits.Digits, epochs: int) -> None:
    """Train *model* in place on the training images of *data*, and leave it ready for inference.

    Prints the loss of every epoch. The test images are used by nothing here.
    """
    import torch
    from torch import nn

    images, labels = torch.from_numpy(data.train_images), torch.from_numpy(data.train_labels)
    batches = len(images) // BATCH
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=RATE, total_steps=epochs * batches
    )
    loss_of = nn.CrossEntropyLoss(label_smoothing=SMOOTHING)

    model.train()
    for epoch in range(epochs):
        losses = []
        # The last, smaller batch is left out: every epoch leaves out others.
        for batch in torch.randperm(len(images))[: batches * BATCH].reshape(-1, BATCH):
            loss = loss_of(model(distort(images[batch])), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        print(f"epoch {epoch + 1:3} of {epochs}: loss {np.mean(losses):.4f}", flush=True)

    # Batch norm has followed the last batches only. One pass over all training images, none of
    # them distorted, gives it their statistics: that is what makes the mean of the bottleneck's map
    # zero, but for rounding.
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the plain average of the batches since the reset: of this one
            module.reset_running_stats()
    with torch.no_grad():
        model(images)
    model.eval()


def tensors(model: "nn.Sequential") -> dict[str, Floats]:
    """Tensors of a trained model, under the names that a file of weights has for them."""
    state = {
        name: np.ascontiguousarray(value.numpy()) for name, value in model.state_dict().items()
    }
    named = {"linear.weight": state["linear.weight"], "linear.bias": state["linear.bias"]}
    for stage in STAGES:
        norm = f"{stage.name}_norm"
        named[f"{stage.name}.weight"] = state[f"{stage.name}.weight"]
        named[f"{stage.name}.scale"] = state[f"{norm}.weight"]
        if stage.relu:
            named[f"{stage.name}.shift"] = state[f"{norm}.bias"]
        named[f"{stage.name}.mean"] = state[f"{norm}.running_mean"]
        named[f"{stage.name}.variance"] = state[f"{norm}.running_var"]
    return named


def save(weights: Mapping[str, Floats], path: Path, description: str) -> None:
    """Write *weights* to a safetensors file, whole or not at all."""
    write_whole(path, serialise(dict(weights), metadata={"description": description}))


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, report the accuracy on the held-out images, and write the weights."""
    parser = argparse.ArgumentParser(prog="python -m tilefold.demo.train", description=main.__doc__)
    parser.add_argument(
        "--epochs", type=int, default=80, help="passes over the images (default: %(default)s)"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("digits.safetensors"),
        metavar="FILE",
        help="file of weights to write (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    if options.epochs < 1:
        parser.error(f"epochs must be at least 1, not {options.epochs}")
    if not options.output.parent.is_dir():
        parser.error(f"output must be in an existing folder, not {options.output.parent}")
    try:
        import torch
    except ModuleNotFoundError:
        sys.exit("training needs PyTorch: pip install 'tilefold[torch]'")

    data = digits.load()
    torch.manual_seed(SEED)
    model = build()
    train(model, data, options.epochs)

    weights = tensors(model)
    held_out = accuracy(forward(fold(weights), data.test_images), data.test_labels)
    print(f"accuracy on {len(data.test_labels)} held-out images: {held_out:.2%}")
    save(
        weights,
        options.output,
        f"Tilefold demo network: handwritten digits at {digits.SIDE}x{digits.SIDE} pixels, "
        f"{options.epochs} epochs, {held_out:.2%} of {len(data.test_labels)} held-out images",
    )
    print(f"wrote {options.output}, {options.output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
