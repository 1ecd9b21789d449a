"""What `posdata serve` says of itself when it starts."""

import pytest
from structlog.testing import capture_logs

from adapters.cli.serve import declare
from engine.settings import Settings


@pytest.mark.parametrize("basis", [None, "Consentimiento en el contrato, cl. 12"])
def test_the_legal_basis_is_told_at_the_start(basis: str | None) -> None:
    """As it was declared, beside the consent that is asked for; that nothing was declared is told too."""
    with capture_logs() as logged:
        declare(Settings.model_validate({"policy": {"legal_basis": basis, "consent": "opt-in"}}))
    assert logged == [
        {"event": "legal_basis", "legal_basis": basis, "consent": "opt-in", "log_level": "info"}
    ]
