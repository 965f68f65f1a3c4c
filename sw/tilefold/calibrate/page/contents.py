"""What the page tells of: sections, each with a comparison to measure."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from ..compare import Plan

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Section:
    """A comparison, and what to say of it."""

    #: What its files are called.
    name: str
    title: str
    text: str
    #: Preset of the configuration, or its file.
    config: str
    plan: Plan


def sections(path: Path = _HERE / "sections.toml") -> list[Section]:
    """Read the sections of the page."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    return [
        Section(
            name=each["name"],
            title=each["title"],
            text=each["text"].strip(),
            config=_beside(path, each["config"]),
            plan=Plan(
                tuple(each["methods"]),
                tuple(map(float, each["bits"])),
                tuple(each.get("clips", ("measured",))),
                each.get("baselines", False),
                tuple(each.get("train", ())),
                each.get("minutes", Plan().minutes),
            ),
        )
        for each in table["section"]
    ]


def _beside(path: Path, config: str) -> str:
    """A configuration's file lies beside that of the sections."""
    return str(path.parent / config) if config.endswith(".toml") else config
