"""First system specs: made of what dataflows name and of what an API's description tells."""
