"""Tuning: the whole network learns to do with what its tables keep.

Forward, every stored map goes through the exact codec; backward, gradients pass what it rounded
(see :mod:`~tilefold.calibrate.codec`). So what is trained is what the hardware will run, and its
sizes, which depend on the tables alone, stay as they were guaranteed.

The teacher is the network in floats: its answers tell more about an image than a label does, and
they are there for images without labels, too.
"""

import copy
from dataclasses import replace

import torch
from torch import Tensor, nn

from .codec import through
from .distil import Training, Vary, distillation, train, unchanged
from .forward import forward
from .pipeline import Calibrated
from .progress import Progress, quietly

TUNING = Training(epochs=30, batch=32, rate=2e-4)
"""For so long as there is time, but no longer than more passes would help."""


def tune(
    calibrated: Calibrated,
    images: Tensor,
    training: Training = TUNING,
    vary: Vary = unchanged,
    progress: Progress = quietly,
    teacher: nn.Module | None = None,
) -> Calibrated:
    """Train all weights and biases to answer as the network in floats does.

    Parameters
    ----------
    calibrated : Calibrated
        Tables, clips and the values of samples stay as they are.
    images : float32[n, ...]
        Training images, more than those of the study: all that there are.
    teacher : Module, optional
        What to answer as; left out, the study's network in floats.

    Returns
    -------
    Calibrated
        With a tuned copy of the network; that of *calibrated* is not changed. Its study still has
        the sensitivities that the tables were chosen by.

    Raises
    ------
    ValueError
        If there is no image, they don't fit the network, or the loss is no longer finite.

    Source
    ------
    Bengio et al. 2013 for gradients that pass a rounding; Hinton et al. 2015 for the loss.
    """
    study, sites = calibrated.study, {site.name: site for site in calibrated.sites}
    taught_by = study.network if teacher is None else teacher
    student = copy.deepcopy(study.network)

    def store(name: str, maps: Tensor) -> Tensor:
        return through(sites[name], study.config, maps)

    def loss(batch: Tensor) -> Tensor:
        answers = forward(student, study.maps, batch, store)
        with torch.no_grad():
            taught = taught_by(batch)
        return distillation(answers, taught)

    train(student, student.parameters(), loss, images, training, "tuning", vary, progress)
    return replace(calibrated, study=replace(study, network=student))


def mirrored(images: Tensor, chance: torch.Generator) -> Tensor:
    """Mirror every other image, left to right, by chance: a :data:`~.distil.Vary`.

    Parameters
    ----------
    images : float32[n, C, H, W]
    """
    flips = torch.rand(len(images), generator=chance) < 0.5
    return torch.where(flips[:, None, None, None], images.flip(3), images)
