"""Scenarios are read: YAML with places, settings, and the check against signatures."""
