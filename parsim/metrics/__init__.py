"""Readers that measure a timeline and prove it."""
