"""What a user would pick instead, and the floors under what anything can do."""
