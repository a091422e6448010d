"""The dataflow documents as the checklists they are: worked through in a sandbox, or looked at in a hub that is in use."""
