"""Groups of commands whose help shows what each command does, and an example of it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import click

from feature_platform_py.cli.ending import explained

_EXAMPLES = "fpjob_examples"


def examples(*lines: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Put examples at the top of a command's help; the first one is shown in the list of commands too."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        shown = "\n".join(f"  {line}" for line in lines)
        function.__doc__ = f"\b\n{shown}\n\n{inspect.getdoc(function)}"
        setattr(function, _EXAMPLES, lines)
        return function

    return decorate


def format_option(*kinds: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option `--format` of a command that prints these; the first one is the default."""
    return click.option("--format", "output_format", type=click.Choice(kinds), default=kinds[0], show_default=True)


class Commands(click.Group):
    """A group that lists its commands in the order of their use, and separates failures of the standard output from all others."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names in the order in which the commands were added."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a sentence about each command, and its first example on a line of its own, which is never broken."""
        indent = " " * (2 + max(map(len, self.commands), default=0) + 2)
        with formatter.section("Commands"):
            for name in self.list_commands(ctx):
                command = self.commands[name]
                first = f"  {name:<{len(indent) - 2}}"
                formatter.write(click.wrap_text(_sentence(command), formatter.width, first, indent) + "\n")
                for example in getattr(command.callback, _EXAMPLES, ())[:1]:
                    formatter.write(f"{indent}{example}\n")

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Return the command of a name; an unknown name is an error with the one that was probably meant."""
        if not args[0].startswith("-") and args[0] not in self.commands:
            from feature_platform_py.core.suggestions import unknown

            ctx.fail(unknown("command", args[0], known=self.commands))
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Invoke the command, and handle a closed pipe before click ends with status 1, a failed check."""
        try:
            return super().invoke(ctx)
        except OSError as error:
            raise explained(error) from error


def _sentence(command: click.Command) -> str:
    """Return the first sentence of a command's help, without its examples."""
    paragraphs = [text for text in inspect.cleandoc(command.help or "").split("\n\n") if not text.startswith("\b")]
    sentence, dot, _ = " ".join(paragraphs[0].split()).partition(". ") if paragraphs else ("", "", "")
    return sentence + dot.strip()
