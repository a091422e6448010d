"""The sandbox and Dagster side by side on this machine, in a folder that is kept from one run to the next."""
