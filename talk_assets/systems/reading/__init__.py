"""Records of a system as it lists them: page by page, row by row."""
