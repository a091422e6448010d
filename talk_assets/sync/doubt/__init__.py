"""What may be known already by another name: nothing is made of it until that is settled."""
