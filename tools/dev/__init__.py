"""Programs for maintainers of the project."""
