"""What webhooks are told: signatures, waits, addresses."""

import hmac
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from adapters.http.public_targets import inside_faults, is_public
from inventory.webhooks import GIVE_UP_AFTER, is_web_address, next_attempt, signature

NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)


def test_a_signature_covers_time_and_body() -> None:
    """The HMAC of "TIMESTAMP.BODY", as docs/http.md verifies it."""
    expected = hmac.new(b"whsec_x", b'1795534200.{"id":1}', sha256).hexdigest()
    assert signature("whsec_x", 1795534200, b'{"id":1}') == f"t=1795534200,v1={expected}"


def test_waits_double_up_to_an_hour_and_end_after_a_day() -> None:
    """5, 10, 20 … 3600 s, never beyond 24 hours after the event."""
    waits = []
    now, attempts = NOW, 0
    while (then := next_attempt(attempts := attempts + 1, NOW, now, 0.0)) is not None:
        waits.append((then - now).total_seconds())
        now = then
    assert waits[:3] == [5, 10, 20]
    assert max(waits) == 3600
    assert now < NOW + GIVE_UP_AFTER <= now + timedelta(hours=1)


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://sol.example/", "file:///etc/passwd", "//sol.example", "https://", "http://a:b@sol.example/"),
        *(
            "https://sol.example/#x",
            "http://sol.example:99999/",
            "http://sol .example/",
            "http:\\\\sol.example",
        ),
        *("http://[::1/", "javascript:alert(1)", "https://sol.example/" + "a" * 2000),
    ],
)
def test_only_plain_web_addresses_are_taken(url: str) -> None:
    """No other scheme, no credentials, no fragment, nothing that parsers read in two ways."""
    assert not is_web_address(url)
    assert is_web_address("https://sol.example:8443/gancho?x=1")


@pytest.mark.parametrize(
    ("address", "public"),
    [
        *(("8.8.8.8", True), ("2606:4700::1111", True), ("127.0.0.1", False), ("10.1.2.3", False)),
        *(("169.254.169.254", False), ("0.0.0.0", False), ("100.64.0.1", False), ("224.0.0.1", False)),
        *(("::1", False), ("fe80::1%eth0", False), ("fd00::1", False), ("::ffff:10.0.0.1", False)),
        *(("64:ff9b::7f00:1", False), ("2002:7f00:1::", False), ("64:ff9b::808:808", True), ("::", False)),
        *(("64:ff9b:1::808:808", False), ("2001:0:7f00:1::", False), ("255.255.255.255", False)),
    ],
)
def test_only_public_addresses_are_dialled(address: str, public: bool) -> None:
    """Loopback, private, link-local, shared and multicast addresses are not, nor in an IPv6 disguise."""
    assert is_public(address) is public


@pytest.mark.parametrize(
    ("url", "inside"),
    [
        ("http://127.0.0.1/hook", True),
        ("http://2130706433/", True),
        ("http://0x7f.1/", True),
        ("http://[::1]:8080/", True),
        ("http://169.254.169.254/", True),
        ("http://localhost./", True),
        ("https://a.localhost/", True),
        ("https://8.8.8.8/", False),
        ("https://sol.example/", False),
        ("ftp://127.0.0.1/", False),
    ],
)
def test_an_address_that_names_the_inside_is_refused_at_once(url: str, inside: bool) -> None:
    """Literal addresses in any form and localhost, unless the settings let them; names are seen later."""
    assert [each.code for each in inside_faults(url, "/url", allow_private=False)] == ["not_public"] * inside
    assert not list(inside_faults(url, "/url", allow_private=True))
