"""The only code that talks to the outside: one package for each system, each behind a port of `kernel.ports`."""
