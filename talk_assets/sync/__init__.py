"""The engine: six stages from what systems hold to what they should hold."""
