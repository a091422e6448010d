"""A write: what is sent, what an answer to it means, and what became of it where none came."""
