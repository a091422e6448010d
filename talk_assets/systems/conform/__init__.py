"""Does a system do what its spec says? Asked of the system itself."""
