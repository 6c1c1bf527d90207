"""Commands are no modules: their tests call them."""

collect_ignore = ["commands"]
