"""Readers that write a timeline down: text, CSV, JSON, traces."""
