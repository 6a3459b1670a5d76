"""Drawing without a terminal: rows of (text, style) runs, numbers in words, charts. Knows no widget and no app."""
