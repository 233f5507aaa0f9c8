"""Any server that speaks the Prometheus HTTP API. `kernel.ports.Metrics` is the contract."""

from apps.adapters.prometheus.source import connect

__all__ = ["connect"]
