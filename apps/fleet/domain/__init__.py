"""Pure: raw Kubernetes JSON in, kernel dataclasses, joins and prices out. No Django, no I/O, no clock."""
