"""CSV import in the browser: the same all-or-nothing import as the command."""
