"""What is published: a wheel and a source archive that lack nothing and work by themselves."""

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SIDES = ("hw", "gateware", "sw", "boards", "sim")


def hatch(place, kind, folder):
    """Build a wheel or a source archive of *place* in *folder*, and return its path."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", folder],
        cwd=place,
        check=True,
        capture_output=True,
    )
    (built,) = (path for path in folder.iterdir() if path.suffix in {".whl", ".gz"})
    return built


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The source archive, unpacked."""
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(hatch(ROOT, "sdist", folder)) as tar:
        tar.extractall(folder, filter="data")
    (place,) = (path for path in folder.iterdir() if path.is_dir())
    return place


@pytest.fixture(scope="module")
def wheel(archive, tmp_path_factory):
    """The wheel that the source archive gives."""
    return hatch(archive, "wheel", tmp_path_factory.mktemp("wheel"))


def packaged(place):
    """Files of the packages, by their paths in a wheel."""
    return {
        str(path.relative_to(place / side))
        for side in SIDES
        for package in (place / side).glob("tilefold*")
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_of_the_source_archive_has_all_files_of_the_packages(wheel):
    with zipfile.ZipFile(wheel) as files:
        held = {name for name in files.namelist() if ".dist-info/" not in name}
    assert held == packaged(ROOT)


def test_the_source_archive_has_what_it_takes_to_test_it(archive):
    for name in ("Makefile", "pyproject.toml", "README.md", "tests/test_distribution.py"):
        assert (archive / name).read_bytes() == (ROOT / name).read_bytes()


def test_it_works_where_there_is_no_checkout(wheel, tmp_path):
    # Its own files come from the wheel, what it needs from this environment: nothing is fetched.
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as files:
        files.extractall(site)
    venv.create(tmp_path / "clean")
    python = tmp_path / "clean" / "bin" / "python"
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"PYTHONPATH", "VIRTUAL_ENV"}
    }
    # Not the environment's whole folder: with it, an editable install would be found first.
    environment["PYTHONPATH"] = os.pathsep.join([str(site), *_requirements(tmp_path / "needs")])

    def tilefold(*arguments):
        code = "import sys; from tilefold.cli import main; sys.exit(main())"
        done = subprocess.run(
            [python, "-c", code, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "generate" in tilefold("--help")
    told = tilefold("generate", "pocket", "--block", "encoder", "-o", "core")
    assert str(Path("core") / "tilefold_encoder.v") in told
    assert (tmp_path / "core" / "driver" / "tilefold.c").is_file()


def _requirements(folder):
    """Link what this environment has, but for ourselves, into *folder*."""
    folder.mkdir()
    for path in {Path(each) for each in sys.path if each.endswith("site-packages")}:
        for entry in path.iterdir():
            if not entry.name.startswith(("tilefold", "_tilefold")) and entry.suffix != ".pth":
                (folder / entry.name).symlink_to(entry)
    return [str(folder)]
