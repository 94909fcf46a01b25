"""The command line: a command is a file of this package, its flags beside what it does."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from wan_demo.cli import generate, models, serve, verify, worker
from wan_demo.cli.parser import BAD_INPUT, Parser
from wan_demo.errors import InvalidRequest, WanDemoError

FAILURE, INTERRUPTED, UNREAD = 1, 130, 141
"""Exit statuses; the last two are those of a shell's programs after SIGINT and SIGPIPE."""

COMMANDS = (serve, generate, verify, models, worker)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the process's exit status."""
    try:
        options = _parser().parse(arguments)
        status = options.run(options)
        sys.stdout.flush()  # here, as a reader that is gone would be told at exit otherwise
        return status
    except InvalidRequest as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    except WanDemoError as error:
        print(error, file=sys.stderr)
        return FAILURE
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # `| head` has seen enough
        _forget_the_rest()
        return UNREAD


def _parser() -> Parser:
    parser = Parser(prog="python -m wan_demo", description="Videos with the Wan models.")
    parser.set_defaults(run=lambda _: _without_command(parser))
    commands = parser.add_subparsers(metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return parser


def _without_command(parser: Parser) -> int:
    parser.print_help(sys.stderr)
    return BAD_INPUT


def _forget_the_rest() -> None:
    """What is still to be written goes nowhere, so that the exit does not try it once more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
