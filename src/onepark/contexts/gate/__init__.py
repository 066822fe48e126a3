"""What devices say and are told: signed passages in, answers and commands out."""
