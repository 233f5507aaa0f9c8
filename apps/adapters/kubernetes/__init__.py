"""Any Kubernetes API server, by raw JSON over HTTPS. `kernel.ports.Kube` is the contract.

The official client is not used here: listing 5,000 pods costs it 0.45 s where raw JSON costs 0.04 s, and it would run
what a kubeconfig tells it to run.
"""

from apps.adapters.kubernetes.cluster import connect
from apps.adapters.kubernetes.kubeconfig import parse as parse_kubeconfig

__all__ = ["connect", "parse_kubeconfig"]
