"""Pictures of a timeline, imported only when something is drawn."""
