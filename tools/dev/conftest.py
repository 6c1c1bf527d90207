"""Do not import the commands as modules to look for doctests."""

collect_ignore = ["commands"]
