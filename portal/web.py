"""Run as `python -m portal.web`: uvicorn over `portal.asgi`, on a socket it inherits or on PLIMSOLL_PORT."""

from __future__ import annotations

import argparse
import os
import socket

import uvicorn

from portal.environment import env_bool, env_list

GRACE_SECONDS = 5
"""Open pages hold WebSockets for ever; a stop does not wait longer than this for them."""


LOOPBACK = ["127.0.0.1", "::1"]


def trusted_proxies() -> list[str]:
    """From which addresses X-Forwarded-For is believed. Without a proxy in front nobody's: whoever may name an address
    for himself is stopped by no limit on failed logins, and stands under that address in the records."""
    return env_list("PLIMSOLL_TRUSTED_PROXIES", default=LOOPBACK if env_bool("PLIMSOLL_HTTPS", default=False) else [])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int, help="a listening socket to serve on")
    parser.add_argument("--host", default=os.environ.get("PLIMSOLL_HOST", "127.0.0.1"))
    parser.add_argument("--port", type=int, default=int(os.environ.get("PLIMSOLL_PORT", "8000")))
    given = parser.parse_args()
    proxies = trusted_proxies()
    config = uvicorn.Config(
        "portal.asgi:application",
        host=given.host,
        port=given.port,
        log_config=None,
        access_log=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
        server_header=False,
        lifespan="off",
        ws="websockets-sansio",
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    sockets = None if given.fd is None else [socket.socket(fileno=given.fd)]
    uvicorn.Server(config).run(sockets=sockets)


if __name__ == "__main__":
    main()
