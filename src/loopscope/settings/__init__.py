"""What may be configured: levers, scenarios, where our files lie."""
