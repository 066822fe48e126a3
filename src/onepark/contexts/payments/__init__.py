"""Taking money: attempts, the providers' notices and what they settle."""
