"""A Kubernetes API server over an in-memory store, true enough for kubectl and the official clients."""
