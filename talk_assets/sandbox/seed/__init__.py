"""The world that the five systems tell of: the same companies and people, known to some of them, and not always alike."""
