"""The verb that looks at a machine."""

import json
from dataclasses import asdict

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Write it as JSON.")
def doctor(as_json: bool) -> None:
    """Tell what this machine has of what Tilefold uses, and what brings the rest.

    The exit status is 1 if something is missing that is needed. A thing that is absent is needed
    for boards that are connected to this machine, and for nothing else.
    """
    from .checks import software
    from .ports import ports

    click.echo("Looking. What comes from PyPI compiles on its first run, up to a minute.", err=True)
    checks = []
    for check in (*software(), *ports()):
        checks.append(check)
        if not as_json:
            about = ": ".join(filter(None, (check.found, check.fix)))
            click.echo(f"{check.status:8}{check.name:26}{about}")
    if as_json:
        told = [{**asdict(check), "status": check.status} for check in checks]
        click.echo(json.dumps(told, indent=2))
    if any(check.status == "missing" for check in checks):
        raise SystemExit(1)
