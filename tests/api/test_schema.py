"""The API does what its OpenAPI file says, whatever it is sent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from apps.identity.models import User
from portal import reference

schema = schemathesis.openapi.from_wsgi("/api/v1/schema/", get_wsgi_application())


@schema.parametrize()
@settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@pytest.mark.django_db
def test_nothing_that_is_sent_is_a_fault_or_answered_otherwise_than_promised(
    case: Case, admin: User, token_of: Callable[..., str]
) -> None:
    token = token_of(admin, "admin")
    response = case.call(headers={"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"})
    assert response.status_code < 500 or response.status_code in (503, 507), response.text
    case.validate_response(
        response, checks=[content_type_conformance, response_schema_conformance, status_code_conformance]
    )


@pytest.mark.django_db
def test_the_committed_openapi_file_is_what_the_code_serves() -> None:
    committed = Path(reference.FOLDER / "openapi.yaml").read_text()
    assert committed == reference.openapi(), "look at the change, then run `make openapi`"
