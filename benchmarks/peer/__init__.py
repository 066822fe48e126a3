"""What others would build for the same duties."""
