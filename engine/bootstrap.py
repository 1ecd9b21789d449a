"""The composition root: the only module that joins the core to the adapters."""

from adapters.cli.app import app


def main() -> None:
    """Run the `posdata` command line."""
    app()


if __name__ == "__main__":
    main()
