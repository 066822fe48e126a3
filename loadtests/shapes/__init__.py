"""Days and troubles that a city has, one shape a file."""
