"""Every setting, read from the environment once. `docs/reference/settings.md` lists them for users."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from apps.kernel.errors import InvalidInput
from portal.environment import broker_socket, env_bool, env_int, env_list, env_text, home, kept_secret
from portal.logs import configure as configure_logs

BASE_DIR = Path(__file__).resolve().parent.parent
PLIMSOLL_HOME = home()
PLIMSOLL_PORT = env_int("PLIMSOLL_PORT", default=8000)
PLIMSOLL_DEMO = env_bool("PLIMSOLL_DEMO", default=True)

SECRET_KEY = kept_secret("PLIMSOLL_SECRET_KEY", file=PLIMSOLL_HOME / "secret-key")
PLIMSOLL_CREDENTIAL_KEY = env_text("PLIMSOLL_CREDENTIAL_KEY")
"""Fernet keys that seal the credentials of clusters, newest first, by comma; empty: a file in PLIMSOLL_HOME."""
DEBUG = env_bool("PLIMSOLL_DEBUG", default=False)
ALLOWED_HOSTS = env_list("PLIMSOLL_ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]", "testserver"])
CSRF_TRUSTED_ORIGINS = env_list("PLIMSOLL_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "channels",
    "csp",
    "django_filters",
    "django_htmx",
    "django_tables2",
    "drf_spectacular",
    "guardian",
    "rest_framework",
    "apps.identity",
    "apps.ui",
    "apps.fleet",
    "apps.ledger",
    "apps.policies",
]

MIDDLEWARE = [
    "portal.middleware.RequestContext",
    "django.middleware.security.SecurityMiddleware",
    "portal.middleware.security_headers",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # After whitenoise, whose files are compressed already. Django masks the CSRF token anew in each answer (BREACH).
    "django.middleware.gzip.GZipMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "apps.ui.middleware.PreferencesMiddleware",
    "portal.middleware.DiskFull",
]

ROOT_URLCONF = "portal.urls"
ASGI_APPLICATION = "portal.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "apps.ui.context.shell",
            ],
        },
    }
]


def _database(url: str) -> dict[str, object]:
    """SQLite under PLIMSOLL_HOME, or what PLIMSOLL_DATABASE_URL (postgresql://user:password@host:port/name) names."""
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": PLIMSOLL_HOME / "plimsoll.sqlite3",
            # IMMEDIATE: a transaction that will write takes its lock at once, instead of failing half-way.
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
            },
        }
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise InvalidInput(
            f"scheme {parts.scheme!r} is not supported",
            field="PLIMSOLL_DATABASE_URL",
            mend="write postgresql://user:password@host:5432/name, or leave it empty for SQLite",
        )
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": parts.port or "",
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


DATABASES = {"default": _database(env_text("PLIMSOLL_DATABASE_URL"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "identity.User"
AUTHENTICATION_BACKENDS = ["apps.identity.login.PasswordBackend", "guardian.backends.ObjectPermissionBackend"]
GUARDIAN_RAISE_403 = True
ANONYMOUS_USER_NAME = None
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login/"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "apps.ui.errors.csrf_failure"
# On loopback there is no TLS; behind a proxy that ends TLS, set PLIMSOLL_HTTPS=1.
HTTPS = env_bool("PLIMSOLL_HTTPS", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
PLIMSOLL_BODY_LIMIT_BYTES = env_int("PLIMSOLL_BODY_LIMIT_BYTES", default=4 * 1024 * 1024)
"""A larger request body is refused with 413. etcd takes objects of 1.5 MiB; a sleep of 10,000 workloads is 1 MiB."""
DATA_UPLOAD_MAX_MEMORY_SIZE = PLIMSOLL_BODY_LIMIT_BYTES

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "portal" / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = PLIMSOLL_HOME / "static"
STATIC_ROOT.mkdir(exist_ok=True)  # whitenoise warns of a missing one
STATICFILES_DIRS = [("build", path) for path in [BASE_DIR / "frontend" / "dist"] if path.is_dir()]
WHITENOISE_USE_FINDERS = True
# Vite puts a hash of the content into these names. An hour for the rest, whose names stay.
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/build/assets/.+-[\w-]{8}\.\w+$"
WHITENOISE_MAX_AGE = 3600

REDIS_URL = env_text("PLIMSOLL_REDIS_URL") or f"unix://{broker_socket(PLIMSOLL_HOME)}"
_CHANNEL_HOST = {
    "address": REDIS_URL,
    # redis-py 8 sets socket_timeout=5, which kills an idle receive; its pool of 100 fails at 200 sockets.
    "socket_timeout": None,
    "max_connections": 10_000,
}
IN_MEMORY = env_bool("PLIMSOLL_IN_MEMORY", default=False)
"""One process without a broker: cache, channel layer and queue live in its memory. For tests and one-off commands."""

if IN_MEMORY:
    CHANNEL_LAYERS: dict[str, dict[str, object]] = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    CACHES: dict[str, dict[str, object]] = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    CELERY_BROKER_URL = "memory://"
else:
    CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [_CHANNEL_HOST]}}
    }
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
    CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.identity.authentication.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["apps.identity.rest.scopes.HasScope"],
    "DEFAULT_PAGINATION_CLASS": "apps.identity.rest.paging.Pages",
    "DEFAULT_FILTER_BACKENDS": ["apps.identity.rest.lists.StrictFilters", "apps.identity.rest.lists.Sorted"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["apps.identity.rest.parsers.ShallowJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "apps.identity.rest.problems.exception_handler",
    "COERCE_DECIMAL_TO_STRING": True,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Plimsoll",
    "DESCRIPTION": "Governs many Kubernetes clusters: policies, decisions, approvals, actions, and why.",
    "VERSION": "v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "portal.openapi.add_what_all_share",
    ],
    "ENUM_NAME_OVERRIDES": {
        "ClusterStateEnum": "apps.fleet.models.ClusterState",
        "WorkloadStateEnum": "apps.fleet.models.WorkloadState",
        "DecisionStateEnum": "apps.ledger.models.DecisionState",
        "ActionStateEnum": "apps.ledger.models.ActionState",
        "ApprovalStateEnum": "apps.ledger.models.ApprovalState",
    },
    "COMPONENT_SPLIT_REQUEST": True,
}

PLIMSOLL_TICK_SECONDS = env_int("PLIMSOLL_TICK_SECONDS", default=15)
"""How often each cluster is evaluated when nothing asks for it sooner."""
PLIMSOLL_LINKS = env_text("PLIMSOLL_LINKS")
"""Links to other tools beside an object, as JSON; see `apps.ui.links`."""
PLIMSOLL_CURRENCY = env_text("PLIMSOLL_CURRENCY", "USD")
"""ISO 4217 code of every price; rows of the price book in another currency are left aside."""

PLIMSOLL_CRDS = ["apps.policies.crd.definitions"]
"""Functions that give the CustomResourceDefinitions to apply to every cluster, by dotted path."""

PLIMSOLL_PORTS = {
    "kubernetes": "apps.adapters.kubernetes.connect",
    "kubeconfig": "apps.adapters.kubernetes.parse_kubeconfig",
    "metrics": "apps.adapters.prometheus.connect",
    "secrets": "apps.adapters.secrets.secret_box",
    "clock": "apps.kernel.clock.SystemClock",
    "recorder": "apps.ledger.records.note",
    "wake_worker": "" if IN_MEMORY else "workers.waking.wake_worker",
}
"""Which adapter stands behind each port: dotted paths, loaded on first use by `apps.kernel.ports.load`."""
PLIMSOLL_CONNECT = "apps.fleet.services.connect"
"""Gives the Kube of a cluster's row; tests put another one in its place."""

PLIMSOLL_APPROVALS: dict[str, Any] = {
    "bulk_over": env_int("PLIMSOLL_APPROVAL_BULK_OVER", default=50),
    "approvers": env_int("PLIMSOLL_APPROVERS", default=1),
    "approve_within": timedelta(hours=env_int("PLIMSOLL_APPROVE_WITHIN_HOURS", default=24)),
    "execute_within": timedelta(hours=env_int("PLIMSOLL_EXECUTE_WITHIN_HOURS", default=1)),
}
"""Which manual actions wait for people, for how many, and until when; see apps/ledger/domain/sensitivity.py."""

PLIMSOLL_PROTECTED_NAMESPACES: list[str] = env_list("PLIMSOLL_PROTECTED_NAMESPACES", default=[])
"""Namespaces in which nothing is put to sleep, beside the system's own and those of the traffic controllers."""
PLIMSOLL_MAX_SLEEPS_PER_PASS = env_int("PLIMSOLL_MAX_SLEEPS_PER_PASS", default=50)
"""How many workloads of one cluster may be put to sleep at once; the rest waits for the next pass."""

PLIMSOLL_WRITE_POINTS = env_text("PLIMSOLL_WRITE_POINTS")
"""For the kill tests only, off by default: a folder to number every write in, and to be told in when to die."""

PLIMSOLL_METRICS_TOKEN = env_text("PLIMSOLL_METRICS_TOKEN")
"""Who sends it as a bearer token may read /metrics; while it is empty, only this machine may."""

LOGGING_CONFIG = None
LOG_LEVEL = env_text("PLIMSOLL_LOG_LEVEL", "INFO").upper()
if LOG_LEVEL not in ("DEBUG", "INFO", "WARNING", "ERROR"):
    raise InvalidInput(
        f"{LOG_LEVEL!r} is not a level", field="PLIMSOLL_LOG_LEVEL", mend="one of DEBUG, INFO, WARNING, ERROR"
    )
configure_logs(level=LOG_LEVEL)
