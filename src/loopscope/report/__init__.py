"""Headless faces of a session: tables, text, data."""
