"""A subscriber's number as it may be shown: the first two digits and the last two."""


def masked(number: int) -> str:
    """Return ten digits as `55******78`."""
    digits = f"{number:010d}"
    return f"{digits[:2]}******{digits[-2:]}"
