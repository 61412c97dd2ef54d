"""The command line: `parsim COMMAND ...`.

Standard output contains only the answer; faults go to standard error, one per line. Exit codes: 0 success, 1 the
run failed, 2 the input is wrong, 3 an assertion of the scenario does not hold. Heavy imports wait until a command
needs them.
"""

from __future__ import annotations

import sys

import click

from parsim.cli import browser, catalog, exercise, lesson, page, pictures, plan, play, scaling, streams, sweep
from parsim.cli.signals import interrupted_once
from parsim.cli.terminal import forgive_letters, tell, warnings_told
from parsim.core.errors import Fault, RunError, ScenarioError

EXAMPLES = {"--student": "ada", "--ranks": "4", "--microbatches": "8"}  # of the options that must be given


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="parsim", message="%(version)s")
def parsim() -> None:
    """Simulate parallel training clusters, and check the simulation.

    Exit codes: 0 done, 1 the run failed, 2 the input is wrong, 3 an assertion of the scenario does not hold.
    """


for command in (
    *play.COMMANDS,
    *scaling.COMMANDS,
    *plan.COMMANDS,
    *sweep.COMMANDS,
    *browser.COMMANDS,
    *pictures.COMMANDS,
    *page.COMMANDS,
    *catalog.COMMANDS,
    *exercise.COMMANDS,
    *lesson.COMMANDS,
):
    parsim.add_command(command)


def main() -> None:
    """Run the command line and exit with the contract's code."""
    streams.occupy()
    forgive_letters()
    sys.exit(_main())


def _main() -> int:
    try:
        with warnings_told(), interrupted_once():
            parsim(standalone_mode=False, prog_name="parsim")
    except ScenarioError as wrong:
        tell(str(wrong))
        return 2
    except RunError as failed:
        tell(f"parsim: {failed}")
        return 1
    except play.Unmet as unmet:
        tell(str(unmet))
        return 3
    except click.exceptions.NoArgsIsHelpError as nothing:
        tell(nothing.format_message())
        return 2
    except click.UsageError as misuse:
        tell(str(_misuse(misuse)))
        return 2
    except (click.Abort, KeyboardInterrupt):
        tell("parsim: interrupted")
        return 1
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except OSError as error:  # of standard output; errors of other files are caught elsewhere
        tell(f"parsim: standard output: {error.strerror or error}")
        return 1
    return 0


def _misuse(misuse: click.UsageError) -> Fault:
    """Turn an error of click into a fault, whose file is the option or the argument's name in the usage."""
    param = getattr(misuse, "param", None)
    if isinstance(param, click.Argument):
        name = param.human_readable_name.rstrip(".")
    else:
        name = getattr(misuse, "option_name", None) or (param.opts[-1] if param else "parsim")
    message = " ".join(misuse.format_message().split())
    if isinstance(misuse, click.MissingParameter) and name in EXAMPLES:
        message = f"is missing; write for example {name} {EXAMPLES[name]}"
    return Fault(name, 0, 0, name.lstrip("-"), message)
