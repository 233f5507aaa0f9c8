"""A deterministic fleet: its clock, its traffic, what it costs and what it is made of."""
