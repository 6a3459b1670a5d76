"""The panes: one pure function each, ``(view, width, height) -> rows``. No widget, no app, no colours."""
