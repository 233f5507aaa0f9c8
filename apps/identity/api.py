"""/api/v1/me, teams, users, tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth import authenticate
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import mixins, serializers, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from apps.identity import services
from apps.identity.clock import now
from apps.identity.filters import TeamFilters, TokenFilters, UserFilters
from apps.identity.login import address_of, stopped_until
from apps.identity.models import ApiToken, Scope, Team, User
from apps.identity.rest.grants import Grants
from apps.identity.rest.scopes import covers
from apps.identity.rest.views import ApiView, Rows
from apps.kernel.errors import Forbidden, InvalidInput, Unauthenticated
from apps.kernel.units import parse_duration

LOGIN_LASTS = timedelta(days=30)


class TeamSerializer(serializers.ModelSerializer[Team]):
    class Meta:
        model = Team
        fields = ("id", "name", "title", "created_at")


class Teams(Grants, Rows):
    """Who owns clusters and policies. Roles on a team reach all that it owns."""

    queryset = Team.objects.all()
    serializer_class = TeamSerializer
    filterset_class = TeamFilters
    sortable = {"name": "name", "created": "created_at"}

    @extend_schema(request=TeamSerializer, responses={201: TeamSerializer})
    def create(self, request: Request) -> Response:
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        team = services.create_team(
            name=given.validated_data["name"],
            title=given.validated_data.get("title", ""),
            actor=self.actor,
            request_id=self.request_id,
        )
        return Response(TeamSerializer(team).data, status=status.HTTP_201_CREATED)


class UserSerializer(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ("id", "username", "first_name", "last_name", "email", "is_active", "is_superuser", "is_service")


class Users(Rows):
    """Everybody for a superuser, oneself for others."""

    queryset = User.objects.order_by("username")
    serializer_class = UserSerializer
    filterset_class = UserFilters
    sortable = {"username": "username"}

    def get_queryset(self) -> QuerySet[User]:
        users = User.objects.order_by("username")
        return users if self.actor.is_superuser else users.filter(pk=self.actor.pk)


@extend_schema_serializer(many=False)
class MeSerializer(UserSerializer):
    """Who asks, and with which token; `scopes` is null for a session, which has them all."""

    token = serializers.SerializerMethodField()
    scopes = serializers.SerializerMethodField()

    class Meta(UserSerializer.Meta):
        fields = (*UserSerializer.Meta.fields, "token", "scopes")  # type: ignore[assignment]

    def _token(self) -> ApiToken | None:
        auth = self.context["request"].auth
        return auth if isinstance(auth, ApiToken) else None

    def get_token(self, user: User) -> str | None:
        token = self._token()
        return token.name if token else None

    def get_scopes(self, user: User) -> list[str] | None:
        token = self._token()
        return list(token.scopes) if token else None


class Me(ApiView):
    serializer_class = MeSerializer
    pagination_class = None
    filter_backends = []

    @extend_schema(operation_id="me_retrieve", responses=MeSerializer)
    def list(self, request: Request) -> Response:
        return Response(self.get_serializer(self.actor).data)


class TokenSerializer(serializers.ModelSerializer[ApiToken]):
    user = serializers.CharField(source="user.username", read_only=True)
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=Scope.choices))

    class Meta:
        model = ApiToken
        fields = (
            "id",
            "user",
            "name",
            "prefix",
            "scopes",
            "created_at",
            "expires_at",
            "last_used_at",
            "revoked_at",
        )


class NewTokenSerializer(serializers.Serializer[Any]):
    """`expires_in` is a duration like 90d; without one the token does not expire. `service` names a service user,
    made when there is none, that the token is for; only a superuser may."""

    name = serializers.CharField(max_length=100)
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=Scope.choices), allow_empty=False)
    expires_in = serializers.CharField(required=False, allow_blank=True, max_length=32)
    service = serializers.SlugField(required=False, allow_blank=True, max_length=100)


class IssuedTokenSerializer(TokenSerializer):
    """`token` is shown in this answer and never again."""

    token = serializers.CharField()

    class Meta(TokenSerializer.Meta):
        fields = (*TokenSerializer.Meta.fields, "token")  # type: ignore[assignment]


class LoginSerializer(serializers.Serializer[Any]):
    """`name` says which program will use the token."""

    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=4096, trim_whitespace=False, write_only=True)
    name = serializers.CharField(max_length=70, required=False, default="command line")


class Login(ApiView):
    """POST changes a password for a token of 30 days, which may do all that its user may."""

    serializer_class = LoginSerializer
    authentication_classes = []
    permission_classes = [AllowAny]
    pagination_class = None
    filter_backends = []
    secret_answers = frozenset({"create"})

    @extend_schema(operation_id="login", request=LoginSerializer, responses={201: IssuedTokenSerializer})
    def create(self, request: Request) -> Response:
        given = LoginSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        user = authenticate(request._request, username=wanted["username"], password=wanted["password"])
        if not isinstance(user, User):
            raise _refused(request, wanted["username"])
        token, plain = services.issue_token(
            user=user,
            name=wanted["name"],
            scopes=[Scope.ADMIN],
            expires_in=LOGIN_LASTS,
            actor=user,
            request_id=self.request_id,
        )
        return Response({**TokenSerializer(token).data, "token": plain}, status=status.HTTP_201_CREATED)


def _refused(request: Request, username: str) -> Unauthenticated:
    until = stopped_until(username, address_of(request._request))
    if until is None:
        return Unauthenticated(
            _("user name and password do not match"), field="password", mend=_("check both; case matters")
        )
    minutes = int((until - now()).total_seconds() // 60) + 1
    return Unauthenticated(
        _("too many failed logins"),
        field="username",
        mend=_("try again in %(minutes)s minutes") % {"minutes": minutes},
    )


class Tokens(mixins.DestroyModelMixin, Rows):
    """One's own tokens; for a superuser everybody's. DELETE ends a token and keeps its row."""

    queryset = ApiToken.objects.select_related("user")
    serializer_class = TokenSerializer
    filterset_class = TokenFilters
    secret_answers = frozenset({"create"})
    sortable = {"name": "name", "created": "created_at", "expires": "expires_at", "used": "last_used_at"}

    def get_queryset(self) -> QuerySet[ApiToken]:
        tokens = ApiToken.objects.select_related("user").order_by("-created_at")
        return tokens if self.actor.is_superuser else tokens.filter(Q(user=self.actor))

    @extend_schema(request=NewTokenSerializer, responses={201: IssuedTokenSerializer})
    def create(self, request: Request) -> Response:
        given = NewTokenSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        token, plain = services.issue_token(
            user=self._holder(given.validated_data.get("service", "")),
            name=given.validated_data["name"],
            scopes=self._scopes(given.validated_data["scopes"]),
            expires_in=_lifetime(given.validated_data.get("expires_in", "")),
            actor=self.actor,
            request_id=self.request_id,
        )
        body = {**TokenSerializer(token).data, "token": plain}
        return Response(body, status=status.HTTP_201_CREATED)

    def _scopes(self, wanted: list[str]) -> list[str]:
        """A token cannot make one that may do more than itself."""
        auth = self.request.auth
        if isinstance(auth, ApiToken) and not all(covers(auth.scopes, Scope(scope)) for scope in wanted):
            raise Forbidden(_("a token cannot give scopes that it lacks"), field="scopes", mend=_("ask for fewer"))
        return wanted

    def _holder(self, service: str) -> User:
        if not service:
            return self.actor
        if not self.actor.is_superuser:
            raise Forbidden(_("only a superuser makes tokens for services"), field="service", mend=_("leave it out"))
        found = User.objects.filter(username=service).first()
        if found is None:
            return services.create_service_user(name=service, actor=self.actor, request_id=self.request_id)
        if not found.is_service:
            raise InvalidInput(_("this user is a person"), field="service", mend=_("choose another name"))
        return found

    def perform_destroy(self, instance: ApiToken) -> None:
        services.revoke_token(token=instance, actor=self.actor, request_id=self.request_id)


def _lifetime(text: str) -> timedelta | None:
    if not text:
        return None
    span = parse_duration(text, field="expires_in")
    if span <= timedelta(0):
        raise InvalidInput(_("it would have expired already"), field="expires_in", mend=_("write it like 90d"))
    return span


ROUTES = [
    ("login", Login, "login"),
    ("me", Me, "me"),
    ("teams", Teams, "team"),
    ("users", Users, "user"),
    ("tokens", Tokens, "token"),
]
