"""The terminal: reads files, calls one public function, writes files. No science."""

from __future__ import annotations


def main() -> None:
    """Run the ``ghg`` command."""
    from ghg.cli.root import run

    run()
