"""The OpenAPI 3.1 document, made from the same operations as the routes."""

import re
from collections.abc import Sequence
from typing import Any

from pydantic.json_schema import models_json_schema

from adapters.http.api import IDEMPOTENCY_KEY, PREFIX
from adapters.http.operations import Operation
from adapters.http.problems import CONTENT_TYPE, KINDS

_REFERENCE = "#/components/schemas/{model}"
# Any operation may answer these.
_COMMON = ("bad_request", "unauthorized", "forbidden", "invalid", "too_many", "internal", "unavailable")
_PARAMETER = re.compile(r"\{(\w+)\}")


def openapi_document(operations: Sequence[Operation], version: str) -> dict[str, Any]:
    """Return the whole document; `version` is the product's."""
    models = {model for each in operations for model in (each.query, each.body, each.answer) if model}
    ordered = sorted(models, key=lambda model: model.__name__)
    references, definitions = models_json_schema(
        [(model, "validation") for model in ordered], ref_template=_REFERENCE
    )
    schemas = dict(definitions.get("$defs", {}))
    by_model = {model: references[model, "validation"] for model in ordered}
    schemas["Problem"] = _problem_schema()
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        item = paths.setdefault(PREFIX + operation.path, {})
        item[operation.method.lower()] = _operation(operation, by_model, schemas)
    for operation in operations:  # a query is told parameter by parameter
        schemas.pop(operation.query.__name__, None)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Posdata",
            "version": version,
            "description": "Campaigns on missed-call notifications: submit, approve, watch, report.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(each.tag for each in operations)],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "responses": {kind: _problem_response(kind) for kind in KINDS},
        },
    }


def _operation(operation: Operation, by_model: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": f"For: {', '.join(sorted(operation.roles))}.",
        "tags": [operation.tag],
        "parameters": _parameters(operation, by_model, schemas),
        "responses": _responses(operation, by_model),
    }
    if operation.body is not None:
        media: dict[str, Any] = {"schema": by_model[operation.body]}
        if operation.example is not None:
            media["example"] = operation.example
        document["requestBody"] = {"required": True, "content": dict.fromkeys(operation.body_types, media)}
    elif operation.raw_body:
        document["requestBody"] = {
            "required": True,
            "content": {name: {"schema": {"type": "string"}} for name in operation.body_types},
        }
    return document


def _parameters(operation: Operation, by_model: Any, schemas: dict[str, Any]) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(operation.path)
    ]
    query = schemas.get(by_model[operation.query]["$ref"].rpartition("/")[2], {})
    required = query.get("required", ())
    for name, schema in query.get("properties", {}).items():
        parameter = {"name": name, "in": "query", "required": name in required, "schema": schema}
        if "description" in schema:
            parameter["description"] = schema["description"]
        parameters.append(parameter)
    if operation.repeatable:
        parameters.append(
            _header(IDEMPOTENCY_KEY, required=False, description="The same for every repetition.")
        )
    if operation.etag and operation.writes:
        parameters.append(_header("If-Match", required=True, description="The ETag that was read."))
    elif "precondition_failed" in operation.problems:
        parameters.append(_header("If-Match", required=False, description="The ETag that was read."))
    return parameters


def _header(name: str, *, required: bool, description: str) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"}
    return {"name": name, "in": "header", "required": required, "schema": schema, "description": description}


def _responses(operation: Operation, by_model: Any) -> dict[str, Any]:
    success: dict[str, Any] = {"description": "Done."}
    content: dict[str, Any] = {}
    if operation.answer is not None:
        media: dict[str, Any] = {"schema": by_model[operation.answer]}
        if operation.answer_example is not None:
            media["example"] = operation.answer_example
        content["application/json"] = media
    for media_type in operation.answers:
        content[media_type] = {"schema": {"type": "string", "format": "binary"}}
    if content:
        success["content"] = content
    if operation.etag:
        success["headers"] = {"ETag": {"schema": {"type": "string"}}}
    responses: dict[str, Any] = {str(operation.status): success}
    kinds = [*_COMMON, *operation.problems]
    has_body = operation.body is not None or operation.raw_body
    if has_body:
        kinds += ["unsupported_type", "too_large"]
    if operation.repeatable:
        kinds.append("conflict")
    if operation.etag and operation.writes:
        kinds += ["precondition_failed", "precondition_required"]
    if "{" in operation.path:
        kinds.append("not_found")
    for kind in dict.fromkeys(kinds):
        responses[str(KINDS[kind][0])] = {"$ref": f"#/components/responses/{kind}"}
    return dict(sorted(responses.items()))


def _problem_response(kind: str) -> dict[str, Any]:
    _, es, en = KINDS[kind]
    return {
        "description": f"{en} ({es}).",
        "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def _problem_schema() -> dict[str, Any]:
    text = {"type": "string"}
    fault = {"pointer": text, "code": text, "message": text, "es": text, "en": text}
    return {
        "type": "object",
        "description": "Problem details (RFC 9457) that list every fault, with a pointer to each.",
        "required": ["type", "title", "status"],
        "properties": {
            "type": {"type": "string", "enum": [f"/problems/{kind}" for kind in KINDS]},
            "title": text,
            "status": {"type": "integer"},
            "detail": text,
            "instance": text,
            "errors": {
                "type": "array",
                "items": {"type": "object", "required": list(fault), "properties": fault},
            },
        },
    }
