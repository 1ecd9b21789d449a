"""Books in memory for journals on their way."""

import pytest

from tests.contract.fake_books import FakeBooks


@pytest.fixture
def memory() -> FakeBooks:
    """Return books with one campaign of 1000 units."""
    books = FakeBooks()
    books.add_campaign(1000)
    return books
