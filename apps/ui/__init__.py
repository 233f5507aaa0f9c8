"""What every page shares: base templates, tables, filters, export, palette, preferences, live updates, registries."""
