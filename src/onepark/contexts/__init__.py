"""The business areas, one folder and one shape each."""
