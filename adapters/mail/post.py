"""Where mail goes: to an SMTP server, or into files that somebody else takes."""

import os
import secrets
import smtplib
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

from engine.settings import Email

MAIL_FOLDER = "mail"
TIMEOUT_S = 30

# What a server says to one recipient or one text; an address outside ASCII that it has no SMTPUTF8 for.
_OF_THE_MESSAGE = (
    smtplib.SMTPRecipientsRefused,
    smtplib.SMTPDataError,
    smtplib.SMTPNotSupportedError,
    ValueError,
)


class MailError(Exception):
    """A message could not be handed on; the text says why, without the password."""


class RefusedError(MailError):
    """The server does not take this message; it may take others."""


def deliver(message: EmailMessage, email: Email, data_dir: Path) -> None:
    """Hand a message to the server of the settings, or write it below `data_dir`. Blocks.

    Raises `MailError`; `RefusedError` where it is about this message alone.
    """
    try:
        if email.smtp_host is None:
            _write(message, data_dir / MAIL_FOLDER)
        else:
            _send(message, email, email.smtp_host)
    except _OF_THE_MESSAGE as error:
        raise RefusedError(f"{type(error).__name__}: {error}") from None
    except (OSError, smtplib.SMTPException) as error:
        raise MailError(f"{type(error).__name__}: {error}") from None


def _write(message: EmailMessage, folder: Path) -> None:
    """Write a file that is there whole or not at all."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}.eml"
    new = folder / f".{name}.new"
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(message.as_bytes(policy=SMTP))
    new.rename(folder / name)


def _send(message: EmailMessage, email: Email, host: str) -> None:
    context = ssl.create_default_context()
    server: smtplib.SMTP
    if email.security == "tls":
        server = smtplib.SMTP_SSL(host, email.smtp_port, timeout=TIMEOUT_S, context=context)
    else:
        server = smtplib.SMTP(host, email.smtp_port, timeout=TIMEOUT_S)
    with server:
        if email.security == "starttls":
            server.starttls(context=context)
        if email.user is not None and email.password_file is not None:
            password = Path(email.password_file).read_text(encoding="utf-8").strip()
            server.login(email.user, password)
        server.send_message(message)
