"""How a failure is reported: one sentence with its reason code, and what to do about it."""

import json
import sys
from collections.abc import Sequence
from itertools import pairwise

import click

from remembrancer.cli.terminal import REPORT_SCHEMA, put
from remembrancer.errors import RemembrancerError


def report(error: Exception, arguments: Sequence[str]) -> int:
    """Print a failure for people (stderr) or, with `--format json`, for programs (stdout); returns the exit status."""
    if "-v" in arguments or "--verbose" in arguments:
        import traceback

        traceback.print_exception(error)
    from remembrancer.reasons import REASONS

    known = _known(error)
    remedy = known.remedy or (REASONS[known.code].remedy if known.code in REASONS else "")
    if _wants_json(arguments):
        document = {
            "schema": REPORT_SCHEMA,
            "exitCode": known.exit_code,
            "error": {"code": known.code, "message": known.message, "remedy": remedy},
        }
        print(json.dumps(document, indent=2, sort_keys=True, ensure_ascii=True))
        return known.exit_code
    put(f"remembrancer: {known.message} [{known.code}]", "  ", sys.stderr)
    if remedy:
        put(f"  {remedy}", "  ", sys.stderr)
    return known.exit_code


def usage(error: click.ClickException, arguments: Sequence[str]) -> int:
    """Print what is wrong with the command line, as click does or, with `--format json`, as any other failure."""
    if not _wants_json(arguments):
        error.show()
        return error.exit_code
    from remembrancer.errors import BadInput

    context = error.ctx if isinstance(error, click.UsageError) else None
    asked = f"{context.command_path if context else 'remembrancer'} --help"
    return report(BadInput("input.usage", " ".join(error.format_message().split()), f"See `{asked}`."), arguments)


def _wants_json(arguments: Sequence[str]) -> bool:
    return "--format=json" in arguments or ("--format", "json") in pairwise(arguments)


def _known(error: Exception) -> RemembrancerError:
    from remembrancer.errors import EnvironmentTrouble

    if isinstance(error, RemembrancerError):
        return error
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return EnvironmentTrouble("env.io", f"{where}{error.strerror or error}")
    return EnvironmentTrouble("env.internal", f"internal error: {type(error).__name__}: {str(error)[:200]}")
