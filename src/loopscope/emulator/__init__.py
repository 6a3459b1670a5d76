"""A server that speaks Ollama's wire, states what it meant to do and did, and misbehaves on order."""
