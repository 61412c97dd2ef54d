"""The command line: `parsim COMMAND ...`.

Standard output carries the answer and nothing else; faults go to standard error, a line each. Exit codes: 0 done, 1 the
run failed, 2 the input is wrong. Heavy imports wait until a command needs them.
"""

from __future__ import annotations

import sys
from io import TextIOWrapper

import click

from parsim.cli import pictures, play, shelves
from parsim.core.errors import Fault, RunError, ScenarioError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="parsim", message="%(version)s")
def parsim() -> None:
    """Simulate parallel training clusters, and check the simulation."""


for command in (*play.COMMANDS, *pictures.COMMANDS, *shelves.COMMANDS):
    parsim.add_command(command)


def main() -> None:
    """Run the command line and leave with the contract's exit code."""
    if isinstance(sys.stdout, TextIOWrapper):  # an output of few letters, as on Windows, shows others by their number
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(_main())


def _main() -> int:
    try:
        parsim(standalone_mode=False, prog_name="parsim")
    except ScenarioError as wrong:
        click.echo(str(wrong), err=True)
        return 2
    except RunError as failed:
        click.echo(f"parsim: {failed}", err=True)
        return 1
    except click.exceptions.NoArgsIsHelpError as nothing:
        click.echo(nothing.format_message(), err=True)
        return 2
    except click.UsageError as misuse:
        click.echo(str(_misuse(misuse)), err=True)
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("parsim: interrupted", err=True)
        return 1
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except OSError as error:  # of standard output; files that cannot be read or written are told of elsewhere
        click.echo(f"parsim: {error.strerror or error}", err=True)
        return 1
    return 0


def _misuse(misuse: click.UsageError) -> Fault:
    """Turn click's complaint into a fault; the option is the file."""
    asked = getattr(misuse, "option_name", None) or getattr(getattr(misuse, "param", None), "opts", [None])[-1]
    name = str(asked or "parsim")
    name = name if name.startswith("-") or asked is None else name.upper()
    return Fault(name, 0, 0, name.lstrip("-"), " ".join(misuse.format_message().split()))
