"""The heavy proof: what lies here is left out of `make test`, and is all that `make prove` runs."""
