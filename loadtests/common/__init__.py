"""What every kind of user shares."""
