"""`completion`: the script by which a shell completes commands and options."""

import click

SHELLS = ("bash", "zsh", "fish")


@click.command(epilog="Example: remembrancer completion bash > ~/.local/share/bash-completion/completions/remembrancer")
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> int:
    """Print the completion script of SHELL."""
    from click.shell_completion import get_completion_class

    from remembrancer.cli.main import program

    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - click knows all three
    # the script alone: click's own check of the shell's version would start the shell
    print(kind.source_template % kind(program, {}, "remembrancer", "_REMEMBRANCER_COMPLETE").source_vars())
    return 0
