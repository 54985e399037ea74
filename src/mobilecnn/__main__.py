"""``python -m mobilecnn`` and the ``mobilecnn`` command."""

import contextlib
import sys

from mobilecnn import interruption


def main() -> None:
    """Run the command line and exit with its code."""
    interruption.during_start()
    # Not at the top: Ctrl-C while these are imported must find the handler.
    from mobilecnn.cli import cli
    from mobilecnn.cli.terminal import guard, unwritten
    from mobilecnn.shortage import shortage

    guard()
    interruption.listen()
    code: str | int | None = 0
    try:
        cli.main(prog_name="mobilecnn")
    except SystemExit as ended:
        code = ended.code
    except KeyboardInterrupt as interrupt:  # While the outcome of the command was printed.
        code = interruption.exit_code(type(interrupt))
    except OSError as error:  # Not even the message can be written, or a module of the program not be read.
        if unwritten(error) is None:
            with contextlib.suppress(OSError):
                sys.stderr.write(f"Error: {shortage(error) or error}\n")
        code = 3
    finally:
        interruption.ignore()
    interruption.leave(code)


if __name__ == "__main__":
    main()
