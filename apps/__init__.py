"""The apps of Plimsoll; pyproject.toml says which may import which."""
