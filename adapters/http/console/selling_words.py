"""The words of the pages about campaigns, their review and their counts, in Spanish and English."""

SELLING_WORDS: dict[str, tuple[str, str]] = {}
