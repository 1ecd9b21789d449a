"""A text of the wrong form is told what form it must have, in both languages."""

import pytest
from pydantic import BaseModel, Field, ValidationError

from inventory import forms
from inventory.faults import shape_faults


def sentences(pattern: str, given: str) -> tuple[str, str]:
    """Return what is said about a text that does not match, in Spanish and English."""

    class Document(BaseModel):
        value: str = Field(pattern=pattern)

    with pytest.raises(ValidationError) as refused:
        Document.model_validate({"value": given})
    [fault] = shape_faults(refused.value, Document)
    return fault.es, fault.en


def test_a_wrong_form_is_named_not_only_called_a_text() -> None:
    """Who sends "x" for an e-mail address reads that one is wanted."""
    assert sentences(forms.EMAIL, "x") == (
        'debe ser una dirección de correo; se dio "x"',
        'must be an e-mail address; "x" was given',
    )


def test_a_form_without_a_name_is_shown() -> None:
    """A pattern that has no words of its own stands in the sentence itself."""
    assert sentences("^[a-f]+$", "x")[1] == 'must be a text of the form ^[a-f]+$; "x" was given'


def test_every_form_has_its_words() -> None:
    """Each pattern of the module is called something."""
    patterns = {value for name, value in vars(forms).items() if name.isupper() and isinstance(value, str)}
    assert patterns == set(forms.CALLED)


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("quanity", "is not known; did you mean 'quantity'?"),
        ("bogus", "is not known; known here: hours, quantity"),
    ],
)
def test_a_key_that_is_meant_is_named_and_else_those_there_are(key: str, says: str) -> None:
    """A slip of the finger is told from a word that is nothing here."""

    class Document(BaseModel, extra="forbid"):
        hours: int = 1
        quantity: int = 1

    with pytest.raises(ValidationError) as refused:
        Document.model_validate({key: 1})
    assert [fault.en for fault in shape_faults(refused.value, Document)] == [says]
