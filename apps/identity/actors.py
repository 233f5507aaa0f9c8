"""Who did it: a User, or the name of a part of Plimsoll ("watcher", "policy ResourcePolicy/shop/night")."""

from __future__ import annotations

from apps.identity.models import User

Actor = User | str
"""What every service takes as `actor`."""


def actor_name(actor: Actor) -> str:
    """The name that stands in the ledger."""
    return actor.get_username() if isinstance(actor, User) else actor


def actor_user(actor: Actor) -> User | None:
    """The person behind it, or None for a part of Plimsoll."""
    return actor if isinstance(actor, User) else None
