"""Plimsoll's own REST API, for the command line. Loads no Django."""

from apps.adapters.plimsoll_api.client import PlimsollApi

__all__ = ["PlimsollApi"]
