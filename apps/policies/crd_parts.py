"""What both halves of the policy definitions are built from."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

DURATION = r"^([0-9]{1,5}(h|m|s)){1,3}$"


def text(description: str, *, most: int, **more: Any) -> Schema:
    return {"type": "string", "maxLength": most, **more, "description": description}


def duration(description: str, **more: Any) -> Schema:
    return text(description, most=20, pattern=DURATION, **more)


def listed(item: Schema, description: str, *, most: int, kind: str = "atomic", **more: Any) -> Schema:
    return {
        "type": "array",
        "maxItems": most,
        "items": item,
        "x-kubernetes-list-type": kind,
        **more,
        "description": description,
    }


def record(properties: Schema, description: str, **more: Any) -> Schema:
    return {"type": "object", "properties": properties, **more, "description": description}


def rule(cel: str, message: str, field: str = "") -> Schema:
    return {"rule": cel, "message": message, **({"fieldPath": field} if field else {})}


def label_selector(description: str) -> Schema:
    expression = record(
        {
            "key": text("The label's key.", most=317),
            "operator": {
                "type": "string",
                "enum": ["In", "NotIn", "Exists", "DoesNotExist"],
                "description": "How the label's value relates to values.",
            },
            "values": listed(
                text("A label value.", most=63),
                "Values for In and NotIn; must be empty for Exists and DoesNotExist.",
                most=64,
            ),
        },
        "One requirement; all of them must hold.",
        required=["key", "operator"],
    )
    return record(
        {
            "matchLabels": {
                "type": "object",
                "additionalProperties": {"type": "string", "maxLength": 63},
                "maxProperties": 32,
                "description": "Labels that must have exactly these values.",
            },
            "matchExpressions": listed(expression, "Requirements on labels; all must hold.", most=16),
        },
        description,
        **{
            "x-kubernetes-validations": [
                rule(
                    "!has(self.matchExpressions) || self.matchExpressions.all(e, "
                    "(e.operator in ['In', 'NotIn']) == (has(e.values) && size(e.values) > 0))",
                    "values goes with In and NotIn, and only with them",
                    ".matchExpressions",
                )
            ]
        },
    )
