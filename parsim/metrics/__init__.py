"""Measure and check timelines."""
