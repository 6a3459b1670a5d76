"""Draw charts, bars and tables as text: rows of (text, style) runs. Knows no widget, no app and no model."""
