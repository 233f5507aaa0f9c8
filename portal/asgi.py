"""What uvicorn serves: Django for HTTP, Channels for WebSockets."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any

from django.core.asgi import get_asgi_application


def _websocket_urls() -> list[Any]:
    if find_spec("apps.ui.routing") is None:
        return []
    from apps.ui.routing import websocket_urlpatterns

    return list(websocket_urlpatterns)


def build() -> Any:
    """The ASGI application. The registry of apps comes first: all that is imported after it may import models."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    http = get_asgi_application()

    from channels.auth import AuthMiddlewareStack
    from channels.routing import ProtocolTypeRouter, URLRouter
    from channels.security.websocket import AllowedHostsOriginValidator
    from django.conf import settings

    from portal.limits import BodyLimit

    websocket = AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(_websocket_urls())))
    limited = BodyLimit(http, limit_bytes=settings.PLIMSOLL_BODY_LIMIT_BYTES)
    return ProtocolTypeRouter({"http": limited, "websocket": websocket})


application = build()
