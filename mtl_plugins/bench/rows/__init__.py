"""One file a row; see `Row`."""
