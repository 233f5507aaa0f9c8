"""The published Kubernetes API description, trimmed, as package data; `build` makes it and `spec` reads it."""
