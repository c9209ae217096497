"""A click group whose commands are imported when they are called, so that help and hooks import nothing but click."""

import os
import re
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Table = Mapping[str, tuple[str, str]]


def called() -> str:
    """Return how this program is called here: a service has it as ops/bin/remembrancer, which says so."""
    name = os.environ.get("REMEMBRANCER_CALLED")
    if not name:
        return "remembrancer"
    from shlex import quote

    return quote(name)


class _Formatter(click.HelpFormatter):
    """Writes example command lines so that they can be pasted: on lines of their own, broken as a shell continues."""

    def write_text(self, text: str) -> None:
        """Write paragraphs; one that begins with a word, a colon and our name is a command line."""
        for number, part in enumerate(text.split("\n\n")):
            example = re.fullmatch(r"(\w+:) (remembrancer .*)", part, re.DOTALL)
            if number:
                self.write_paragraph()
            if not example:
                super().write_text(part)
                continue
            self.write(f"{'':{self.current_indent}}{example[1]}\n")
            words = re.findall(r"""(?:'[^']*'|"[^"]*"|[^\s'"])+""", example[2])
            line = " " * (self.current_indent + 2) + called()
            for word in words[1:]:
                if len(line) + len(word) + 3 > self.width:
                    self.write(f"{line} \\\n")
                    line = " " * (self.current_indent + 3)
                line += f" {word}"
            self.write(f"{line}\n")


class _Context(click.Context):
    formatter_class = _Formatter


class LazyGroup(click.Group):
    """A group over a table: command name to (`module:attribute`, one line of help)."""

    context_class = _Context

    def __init__(self, *, table: Table, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the command names in the order of the table, which is the order of work."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return one command, or None for a name that is not in the table."""
        if cmd_name not in self.table:
            return None
        module, attribute = self.table[cmd_name][0].split(":")
        command: click.Command = getattr(import_module(module), attribute)
        command.context_class = _Context
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_line) for name, (_, help_line) in self.table.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Return what a shell can complete here, from the table alone."""
        from click.shell_completion import CompletionItem

        items = [
            CompletionItem(name, help=line) for name, (_, line) in self.table.items() if name.startswith(incomplete)
        ]
        return [*items, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names; a mistyped one is answered with the nearest name."""
        name = args[0]
        if name not in self.table and not name.startswith("-"):
            from difflib import get_close_matches

            option = f"--{name}"
            if any(option in param.opts for param in self.get_params(ctx)):
                raise click.UsageError(f"there is no command {name!r}. Did you mean {option!r}?", ctx)
            near = get_close_matches(name, self.table, n=1, cutoff=0.5)
            hint = f" Did you mean {near[0]!r}?" if near else f" See `{ctx.command_path} --help`."
            raise click.UsageError(f"there is no command {name[:60]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the group's own options; one that belongs to a command is told to stand behind it."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if error.possibilities:
                raise
            said = f"{error.format_message()} A command's options come after it: "
            raise click.UsageError(f"{said}{ctx.command_path} COMMAND {error.option_name}", ctx) from error
