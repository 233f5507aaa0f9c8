"""What drf-spectacular cannot see by itself: the bearer token, the problems, the Idempotency-Key."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

SAFE = ("get", "head", "options")

PROBLEM = {
    "type": "object",
    "description": "RFC 9457. `errors` names each field that is wrong, and how to mend it.",
    "required": ["type", "title", "status", "code", "detail", "request_id", "errors"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "PascalCase, such as InvalidInput or NotFound."},
        "detail": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message", "mend"],
                "properties": {
                    "field": {"type": "string"},
                    "message": {"type": "string"},
                    "mend": {"type": "string"},
                },
            },
        },
    },
}

IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A write that is sent twice with one key is done once; its answer is kept for a day.",
    "schema": {"type": "string", "maxLength": 200},
}


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "apps.identity.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


def add_what_all_share(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """A POSTPROCESSING_HOOK: every operation may answer with a Problem, every write takes an Idempotency-Key."""
    result["components"]["schemas"]["Problem"] = PROBLEM
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path in result["paths"].values():
        for method, operation in path.items():
            operation["responses"]["default"] = {"description": "What went wrong.", "content": content}
            if method not in SAFE:
                operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
    return result
