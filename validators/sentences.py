"""The rules by name, with their severity and the sentences that say how to mend a text."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from validators.findings import Finding, Severity


@dataclass(frozen=True, slots=True)
class Sentence:
    """A rule's severity and its sentences, in which `{text}` stands for the faulty part."""

    severity: Severity
    es: str
    en: str


SENTENCES: Mapping[str, Sentence] = MappingProxyType(
    {
        "empty": Sentence(
            "error",
            "El texto está vacío: escriba el mensaje.",
            "The text is empty: write the message.",
        ),
        "length": Sentence(
            "error",
            "Acorte el texto en {over}: mide {units} y el límite es {limit}.",
            "Shorten the text by {over}: it measures {units} and the limit is {limit}.",
        ),
        "accent": Sentence(
            "error",
            "Escriba «{plain}» en lugar de «{text}»: los acentos y las letras fuera de a-z no se permiten.",
            "Write '{plain}' instead of '{text}': accents and letters other than a-z are not allowed.",
        ),
        "colon": Sentence(
            "error",
            "Quite los dos puntos (:) o use una coma: no están permitidos.",
            "Remove the colon (:) or use a comma: it is not allowed.",
        ),
        "backslash": Sentence(
            "error",
            "Quite la diagonal invertida (\\) o use la diagonal (/): no está permitida.",
            "Remove the backslash (\\) or use the slash (/): it is not allowed.",
        ),
        "quotation_mark": Sentence(
            "error",
            "Quite las comillas ({text}): no están permitidas.",
            "Remove the quotation mark ({text}): it is not allowed.",
        ),
        "hyphen": Sentence(
            "error",
            "Quite el guion ({text}) o ponga un espacio en su lugar: no está permitido.",
            "Remove the hyphen ({text}) or put a space in its place: it is not allowed.",
        ),
        "character": Sentence(
            "error",
            "Quite «{text}» o dígalo con palabras: este carácter no está permitido.",
            "Remove '{text}' or say it in words: this character is not allowed.",
        ),
        "emoji": Sentence(
            "error",
            "Quite el emoji: solo se permiten caracteres simples.",
            "Remove the emoji: only plain characters are allowed.",
        ),
        "control": Sentence(
            "error",
            "Quite el carácter de control o dañado ({text}): escriba todo en una línea, sin saltos.",
            "Remove the control or damaged character ({text}): write everything in one line, without breaks.",
        ),
        "invisible": Sentence(
            "error",
            "Quite el carácter invisible ({text}): vuelva a escribir esta parte a mano.",
            "Remove the invisible character ({text}): type this part again by hand.",
        ),
        "look_alike": Sentence(
            "error",
            "Escriba «{plain}» con su teclado: «{text}» se parece, pero es de otro alfabeto.",
            "Type '{plain}' on your keyboard: '{text}' looks like it but is of another alphabet.",
        ),
        "other_alphabet": Sentence(
            "error",
            "Escriba «{text}» con letras de la a a la z: es de otro alfabeto.",
            "Write '{text}' in letters a to z: it is of another alphabet.",
        ),
        "double_space": Sentence(
            "error",
            "Deje un solo espacio aquí.",
            "Leave a single space here.",
        ),
        "edge_space": Sentence(
            "error",
            "Quite el espacio al principio o al final del texto.",
            "Remove the space at the beginning or the end of the text.",
        ),
        "phone_number": Sentence(
            "error",
            "Escriba el teléfono corrido, solo dígitos: {run}.",
            "Write the phone number in one run of digits: {run}.",
        ),
        "link_scheme": Sentence(
            "error",
            "Quite «{text}» del enlace: se escribe sin esquema, por ejemplo mi.tienda/abc.",
            "Cut '{text}' from the link: it is written without a scheme, as in mi.tienda/abc.",
        ),
        "link_length": Sentence(
            "error",
            "Use un enlace corto: este mide {units} y se permiten {limit} caracteres.",
            "Use a short link: this one has {units} characters and {limit} are allowed.",
        ),
        "banned_word": Sentence(
            "error",
            "Quite «{text}»: está en la lista de palabras no permitidas «{list}».",
            "Remove '{text}': it is on the list of words that are not allowed, '{list}'.",
        ),
        "obsolete_prefix": Sentence(
            "warning",
            "Revise el teléfono {text}: el prefijo {prefix} ya no se marca en México.",
            "Look at the phone number {text}: the prefix {prefix} is no longer dialled in Mexico.",
        ),
        "accidental_link": Sentence(
            "warning",
            "Ponga un espacio después del punto: el teléfono puede mostrar «{text}» como enlace.",
            "Put a space after the stop: a handset may show '{text}' as a link.",
        ),
        "unknown_tld": Sentence(
            "warning",
            "Revise el enlace «{text}»: no termina en un dominio conocido y quizá no se pueda tocar.",
            "Look at the link '{text}': it has no known top-level domain, so a handset may not open it.",
        ),
        "shouting": Sentence(
            "warning",
            "Use minúsculas: casi todo el texto está en mayúsculas.",
            "Use lower case: nearly the whole text is in capitals.",
        ),
    }
)
"""Every rule there is; docs/texts.md explains each."""

_ENYE = Sentence(
    "error",
    "Escriba «{plain}» en lugar de «{text}», o use otra palabra si cambia el sentido (año queda ano).",
    "Write '{plain}' instead of '{text}', or use another word where the sense changes (año becomes ano).",
)
_FOREIGN_PHONE = Sentence(
    "error",
    "Escriba el teléfono extranjero corrido, como se marca desde México (00 y clave de país), sin «+».",
    "Write the foreign phone number in one run, as dialled from Mexico (00, country code), without '+'.",
)


def finding(rule: str, text: str, start: int, end: int, **values: object) -> Finding:
    """Return the finding of `rule` at `text[start:end]`; `values` fill its sentences."""
    part = text[start:end]
    sentence = _variant(rule, part, values) or SENTENCES[rule]
    shown = {"text": _readable(part), **values}
    return Finding(
        rule=rule,
        severity=sentence.severity,
        start=start,
        length=end - start,
        text=part,
        es=sentence.es.format_map(shown),
        en=sentence.en.format_map(shown),
    )


def _variant(rule: str, part: str, values: Mapping[str, object]) -> Sentence | None:
    if rule == "accent" and part in ("ñ", "Ñ"):
        return _ENYE
    return _FOREIGN_PHONE if rule == "phone_number" and values["run"] is None else None


def _readable(part: str) -> str:
    """Name the characters that cannot be printed: U+200B. A long part is shown by its beginning."""
    shown = part if len(part) <= 40 else part[:39] + "…"
    if shown.isprintable():
        return shown
    return "".join(char if char.isprintable() else f"U+{ord(char):04X}" for char in shown)
