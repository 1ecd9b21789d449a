"""Problem details (RFC 9457): every fault of a request at once, in the caller's language."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from inventory.faults import Fault

CONTENT_TYPE = "application/problem+json"
LANGUAGES = ("es", "en")

# Code → status, title in Spanish, title in English.
KINDS: Mapping[str, tuple[int, str, str]] = {
    "bad_request": (400, "La solicitud no se entiende", "The request cannot be understood"),
    "unauthorized": (401, "Falta una credencial válida", "A valid credential is missing"),
    "forbidden": (403, "Su función no permite esto", "Your role does not allow this"),
    "not_found": (404, "No existe", "It does not exist"),
    "method_not_allowed": (405, "Este método no se permite aquí", "This method is not allowed here"),
    "not_acceptable": (406, "Ese formato no se ofrece", "That format is not offered"),
    "conflict": (409, "El estado actual no lo permite", "The present state does not allow it"),
    "precondition_failed": (412, "Cambió desde que usted lo leyó", "It has changed since you read it"),
    "too_large": (413, "La solicitud es demasiado grande", "The request is too large"),
    "unsupported_type": (415, "Ese tipo de contenido no se acepta", "That content type is not accepted"),
    "invalid": (422, "Hay datos que corregir", "Some of it has to be corrected"),
    "precondition_required": (428, "Falta If-Match", "If-Match is missing"),
    "too_many": (429, "Demasiadas solicitudes; espere un poco", "Too many requests; wait a little"),
    "internal": (500, "Error interno; ya quedó registrado", "Internal error; it has been recorded"),
    "unavailable": (503, "Por ahora no se puede responder", "There can be no answer now"),
}


class ProblemError(Exception):
    """What a handler raises so that the caller is told; `kind` is a key of KINDS."""

    def __init__(
        self,
        kind: str,
        *,
        es: str = "",
        en: str = "",
        faults: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(en or kind)
        self.kind = kind
        self.es = es
        self.en = en
        self.faults = tuple(faults)
        self.headers = dict(headers or {})

    @property
    def status(self) -> int:
        """The HTTP status."""
        return KINDS[self.kind][0]

    def document(self, language: str, instance: str) -> dict[str, Any]:
        """Return the problem as JSON: both languages for each fault, the caller's for the rest."""
        _, title_es, title_en = KINDS[self.kind]
        spanish = language == "es"
        document: dict[str, Any] = {
            "type": f"/problems/{self.kind}",
            "title": title_es if spanish else title_en,
            "status": self.status,
            "instance": instance,
        }
        if detail := self.es if spanish else self.en:
            document["detail"] = detail
        if self.faults:
            document["errors"] = [
                {
                    "pointer": fault.pointer,
                    "code": fault.code,
                    "message": fault.es if spanish else fault.en,
                    "es": fault.es,
                    "en": fault.en,
                }
                for fault in self.faults
            ]
        return document

    def response(self, language: str, instance: str) -> web.Response:
        """Return the problem as an answer."""
        return web.json_response(
            self.document(language, instance),
            status=self.status,
            content_type=CONTENT_TYPE,
            headers={"Content-Language": language, **self.headers},
        )


def language_of(request: web.BaseRequest, default: str = "es") -> str:
    """Return `es` or `en` by Accept-Language (RFC 9110 §12.5.4); the first that is offered wins."""
    weighted = []
    for position, part in enumerate(request.headers.get("Accept-Language", "").split(",")):
        tag, _, parameters = part.strip().partition(";")
        name = tag.strip().lower().partition("-")[0]
        weight = parameters.strip().removeprefix("q=")
        if name in LANGUAGES:
            weighted.append((-_quality(weight), position, name))
    return min(weighted)[2] if weighted else default


def _quality(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0
