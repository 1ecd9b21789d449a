"""Whether the hot modules run as machine code (scripts/compile_hot.py) or interpreted.

Machine code walks octets faster than it calls the library's functions on them, the interpreter the
other way round. Where that matters, a hot module holds both ways and asks COMPILED.
"""

from types import FunctionType
from typing import Final


def _probe() -> None:
    """Be a function whose type tells."""


COMPILED: Final = not isinstance(_probe, FunctionType)
