"""Compilers of C and C++ on what is generated: every warning is an error."""

import subprocess

from tilefold_sim.generate.driver import driver_files

STRICT = ("-Wall", "-Wextra", "-Werror", "-pedantic", "-Wshadow", "-Wconversion", "-Wundef")
C99 = ("gcc", "-std=c99", *STRICT)
CPP = ("g++", "-std=c++11", "-x", "c++", *STRICT)


def compiled(command, folder, *arguments):
    """Compile in *folder*, and fail with what the compiler said."""
    done = subprocess.run(
        [*command, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr


def printed(command, folder, header, body):
    """Run a program of *body* behind an include of *header*, and return the words it prints."""
    source = f'#include <stdio.h>\n#include "{header}"\nint main(void)\n{{\n{body}\nreturn 0;\n}}\n'
    (folder / "main.c").write_text(source)
    compiled(command, folder, "main.c", "-o", "main")
    return subprocess.run(
        [folder / "main"], capture_output=True, text=True, check=True
    ).stdout.split()


def place_driver(folder):
    """Write the driver's files to *folder*."""
    for name, text in driver_files().items():
        (folder / name).write_text(text)
