"""``python -m mobilecnn`` and the ``mobilecnn`` command."""

from mobilecnn.cli import cli


def main() -> None:
    """Run the command line and exit with its code."""
    cli.main(prog_name="mobilecnn")


if __name__ == "__main__":
    main()
