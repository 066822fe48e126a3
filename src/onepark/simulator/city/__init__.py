"""A synthetic city: cars that come, stay, pay and leave, over the public HTTP API alone."""
