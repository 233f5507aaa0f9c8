"""The embedded fleet: a simulator, and a server over it that speaks the Kubernetes API."""
