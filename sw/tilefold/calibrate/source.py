"""Networks as users have them: a factory in Python, and a file of weights."""

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn


def factory(place: str) -> Any:
    """Find what *place* names: ``FILE.py:NAME`` or ``MODULE:NAME``.

    The file is run, so it is the user's own. It may import what lies in its folder; modules are
    also looked for in the working directory.

    Raises
    ------
    ValueError
        If there is no such file, module or name in it.
    """
    where, colon, name = place.rpartition(":")
    if not colon or not name.isidentifier():
        raise ValueError(f"factory must be FILE.py:NAME or MODULE:NAME, not {place!r}")
    if where.endswith(".py"):
        path = Path(where)
        if not path.is_file():
            raise ValueError(f"factory must be in a file that is there, not {where!r}")
        _look_in(path.parent)
        # Under a name of its own, so that it hides no module that is imported by the same.
        spec = importlib.util.spec_from_file_location(f"tilefold of {path}", path)
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    else:
        if not all(part.isidentifier() for part in where.split(".")):
            raise ValueError(f"factory must be FILE.py:NAME or MODULE:NAME, not {place!r}")
        _look_in(Path())
        try:
            module = importlib.import_module(where)
        except ModuleNotFoundError as error:
            # A module that the user's own does not find is another matter.
            if error.name is None or not (where + ".").startswith(error.name + "."):
                raise
            raise ValueError(f"factory must be in a module that is there, not {where!r}") from None
    if not hasattr(module, name):
        raise ValueError(f"{where} must have the name {name!r}, which it has not")
    return getattr(module, name)


def network(place: str, weights: str | Path | None = None) -> nn.Module:
    """Build a network and load its weights.

    Parameters
    ----------
    place : str
        Of a module, or of what takes no arguments and returns one; see :func:`factory`.
    weights : path, optional
        Safetensors file with all its tensors. Left out, the factory has loaded them.

    Raises
    ------
    ValueError
        If there is no module, or if the weights are not for it.
    """
    made = factory(place)
    if not isinstance(made, nn.Module):
        made = _called(made, place)
    if not isinstance(made, nn.Module):
        raise ValueError(f"{place} must return a torch.nn.Module, not {type(made).__name__}")
    if weights is not None:
        load(made, weights)
    return made.eval()


def called(place: str) -> str:
    """What people call the network of a factory.

    >>> called("models/resnet.py:ResNet20")
    'ResNet20'
    """
    return place.rpartition(":")[2]


def load(made: nn.Module, weights: str | Path) -> None:
    """Load a file of weights into a network; errors name the file and the tensor."""
    path = Path(weights)
    if not path.is_file():
        raise ValueError(f"weights must be in a file that is there, not {str(weights)!r}")
    try:
        tensors: Mapping[str, Tensor] = load_file(path)
    except SafetensorError:
        raise ValueError(
            f"{weights}: weights must be a safetensors file, which can carry no code: write it "
            "with safetensors.torch.save_model(network, FILE)"
        ) from None
    state = made.state_dict()
    held = {each.data_ptr() for name, each in state.items() if name in tensors}
    for name, expected in state.items():
        # Counts of batches steer training alone, and many files leave them out. A tensor that two
        # layers share is in a file once.
        needed = not name.endswith("num_batches_tracked") and expected.data_ptr() not in held
        if name not in tensors and needed:
            raise ValueError(f"{weights}: weights must have a tensor {name!r}")
        if name in tensors and tensors[name].shape != expected.shape:
            raise ValueError(
                f"{weights}: {name!r} must have shape {list(expected.shape)}, "
                f"not {list(tensors[name].shape)}"
            )
    if strays := tensors.keys() - state.keys():
        raise ValueError(f"{weights}: weights must be this network's, which has no {min(strays)!r}")
    made.load_state_dict(tensors, strict=False)


def _called(found: Any, place: str) -> Any:
    """Call what was found at *place*, with no arguments."""
    if not callable(found):
        raise ValueError(f"{place} must be a function, not {type(found).__name__}")
    try:
        inspect.signature(found).bind()
    except TypeError as error:
        raise ValueError(f"{place} must take no arguments, not be {error}") from None
    return found()


def _look_in(folder: Path) -> None:
    """Let modules be imported from *folder*, from now on: what is called later may import, too."""
    if (place := str(folder.resolve())) not in sys.path:
        sys.path.insert(0, place)
