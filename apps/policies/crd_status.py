"""The status part of both policy kinds."""

from __future__ import annotations

from typing import Any

_CONDITION: dict[str, Any] = {
    "type": "object",
    "description": "One aspect of how the policy does.",
    "properties": {
        "type": {"type": "string", "maxLength": 316, "description": "Accepted, Enforced or Ready."},
        "status": {"type": "string", "enum": ["True", "False", "Unknown"], "description": "Whether it holds."},
        "reason": {
            "type": "string",
            "minLength": 1,
            "maxLength": 1024,
            "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
            "description": "Why, as one word.",
        },
        "message": {"type": "string", "maxLength": 32768, "description": "Why, as a sentence; names each bad field."},
        "lastTransitionTime": {
            "type": "string",
            "format": "date-time",
            "description": "When the status last changed.",
        },
        "observedGeneration": {
            "type": "integer",
            "format": "int64",
            "minimum": 0,
            "description": "The generation of the spec it speaks of.",
        },
    },
    "required": ["type", "status", "reason", "message", "lastTransitionTime"],
}

_REFUSAL: dict[str, Any] = {
    "type": "object",
    "description": "One workload that the policy covers and must not touch.",
    "properties": {
        "kind": {"type": "string", "maxLength": 63, "description": "Kind of the workload."},
        "namespace": {"type": "string", "maxLength": 63, "description": "Namespace of the workload."},
        "name": {"type": "string", "maxLength": 253, "description": "Name of the workload."},
        "reason": {"type": "string", "maxLength": 63, "description": "Why, as one word."},
        "message": {"type": "string", "maxLength": 2048, "description": "Why, with the mend where there is one."},
    },
    "required": ["kind", "namespace", "name", "reason", "message"],
}


def _count(description: str) -> dict[str, Any]:
    return {"type": "integer", "format": "int32", "description": description}


STATUS: dict[str, Any] = {
    "type": "object",
    "description": "How it does; Plimsoll writes it.",
    "properties": {
        "observedGeneration": {
            "type": "integer",
            "format": "int64",
            "description": "The generation of the spec that the rest of the status speaks of.",
        },
        "rule": {"type": "string", "maxLength": 63, "description": "The rule in force: ScaleToZero."},
        "conditions": {
            "type": "array",
            "maxItems": 16,
            "items": _CONDITION,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
            "description": "Accepted: the spec makes sense. Enforced: it acts. Ready: it can see what it needs.",
        },
        "matched": _count("Workloads it covers and counts for."),
        "asleep": _count("Workloads it has put to sleep."),
        "conflicts": _count("Workloads that another policy covers too."),
        "refused": _count("Workloads it covers and must not touch."),
        "refusals": {
            "type": "array",
            "maxItems": 20,
            "items": _REFUSAL,
            "x-kubernetes-list-type": "atomic",
            "description": "The first of the refused workloads, each with the reason.",
        },
    },
}
