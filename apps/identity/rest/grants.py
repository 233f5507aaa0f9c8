"""`{id}/grants/` of teams and clusters: who has which role there."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.identity import services
from apps.identity.models import User
from apps.identity.rest.views import ApiView
from apps.identity.roles import Role, grants_on, parse_role, require_role
from apps.kernel.errors import InvalidInput, NotFound

ROLES = [role.name.lower() for role in Role]


class HolderSerializer(serializers.Serializer[Any]):
    """A `user` or a `group`, by name; one of them."""

    user = serializers.CharField(required=False, max_length=150)
    group = serializers.CharField(required=False, max_length=150)


class GrantSerializer(HolderSerializer):
    role = serializers.ChoiceField(choices=ROLES)


class GrantsSerializer(serializers.Serializer[Any]):
    items = GrantSerializer(many=True)


class Grants(ApiView):
    """For view sets whose rows carry grants: look at them, give one in place of another, take one away."""

    @extend_schema(methods=["GET"], responses=GrantsSerializer, filters=False)
    @extend_schema(methods=["POST"], request=GrantSerializer, responses=GrantsSerializer)
    @extend_schema(methods=["DELETE"], parameters=[HolderSerializer], responses={204: None})
    @action(detail=True, methods=["get", "post", "delete"], pagination_class=None, filter_backends=[])
    def grants(self, request: Request, pk: str) -> Response:
        """Who has which role here. POST gives one, in place of the one the holder had; DELETE takes it away."""
        on = self.get_object()
        require_role(self.actor, Role.ADMIN, on)
        if request.method == "POST":
            given = GrantSerializer(data=request.data)
            given.is_valid(raise_exception=True)
            role = parse_role(given.validated_data["role"])
            holder = _holder(given.validated_data)
            services.grant(holder=holder, role=role, on=on, actor=self.actor, request_id=self.request_id)
        if request.method == "DELETE":
            named = HolderSerializer(data=request.query_params.dict())
            named.is_valid(raise_exception=True)
            services.revoke(holder=_holder(named.validated_data), on=on, actor=self.actor, request_id=self.request_id)
            return Response(status=status.HTTP_204_NO_CONTENT)
        return Response({"items": [_body(holder, role) for holder, role in grants_on(on)]})


def _body(holder: User | Group, role: Role) -> dict[str, str]:
    kind = "user" if isinstance(holder, User) else "group"
    return {kind: str(holder), "role": role.name.lower()}


def _holder(given: dict[str, Any]) -> User | Group:
    names = {kind: given[kind] for kind in ("user", "group") if given.get(kind)}
    if len(names) != 1:
        raise InvalidInput(_("name a user or a group, one of them"), field="user", mend=_("leave the other out"))
    kind, name = names.popitem()
    found: User | Group | None = (
        User.objects.filter(username=name).first() if kind == "user" else Group.objects.filter(name=name).first()
    )
    if found is None:
        raise NotFound(_("there is no %(name)s") % {"name": name}, field=kind, mend=_("check the spelling"))
    return found
