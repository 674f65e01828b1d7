"""The HTTP interface of a node: what is served, in which form, and within which limits."""
