"""A commit of this repository -> a training on a rented machine."""
