"""`python -m adapters.processes MODULE`: how a child process begins."""

import gc
import importlib
import sys


def main() -> None:
    """Load the module of a process and run it.

    Nothing that is loaded is garbage: to look for some meanwhile took a quarter of a child's start.
    """
    gc.disable()
    module = importlib.import_module(sys.argv[1])
    gc.enable()
    module.main()


if __name__ == "__main__":
    main()
