"""Leading one cluster: taken, kept up, lost or given back."""

from __future__ import annotations

from datetime import datetime, timedelta

from apps.ledger import holders
from apps.ledger.leases import Leadership
from apps.ledger.models import Lease
from apps.ledger.services import LEASES

SPAN = timedelta(seconds=20)
RENEW_EVERY = timedelta(seconds=5)


class Lead:
    """One name's lead in the hands of this process, or not. `epoch` is 0 while it is not."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._leases = LEASES
        self._held: Leadership | None = None
        self._renew_at: datetime | None = None

    @property
    def epoch(self) -> int:
        return self._held.epoch if self._held else 0

    def keep(self, *, now: datetime) -> bool:
        """Takes the lead, or keeps it up when a quarter of its span has passed; False while another process has it.

        A holder on this machine whose process is gone is not waited for.
        """
        if self._held is not None and self._renew_at is not None and now < self._renew_at:
            return True
        if self._held is None:
            self._release_dead()
        was = self.epoch
        self._held = self._leases.acquire(self._name, holder=holders.this_process(), span=SPAN, now=now)
        self._renew_at = now + RENEW_EVERY
        return self._held is not None and was in (0, self.epoch)

    def lost(self, *, now: datetime) -> bool:
        """Whether the span has passed without being kept up, as after a long pause of this process."""
        return self._held is None or now > self._held.until

    def give_back(self) -> None:
        if self._held is not None:
            self._leases.release(self._held)
            self._held = None

    def _release_dead(self) -> None:
        row = Lease.objects.filter(name=self._name).first()
        if row is not None and row.holder and row.until is not None and not holders.may_be_alive(row.holder):
            Lease.objects.filter(name=self._name, epoch=row.epoch, holder=row.holder).update(until=None)
