"""One write: made ready, remembered, and what its answer says taken for true."""
