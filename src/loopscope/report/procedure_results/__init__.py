"""What procedures found: one model of the results, and how each report sets it."""
