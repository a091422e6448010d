"""What is asked of that which a system lists, before it is kept."""
