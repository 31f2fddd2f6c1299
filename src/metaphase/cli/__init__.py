"""The command line: `metaphase` and its commands."""

from metaphase.cli.commands import main

__all__ = ["main"]
