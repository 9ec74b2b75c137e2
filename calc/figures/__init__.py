"""Pictures of a worked problem as shapes and texts; they know no format."""
