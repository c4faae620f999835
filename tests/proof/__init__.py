"""The heavy proof: `make prove` runs exactly this folder, and `make test` leaves it out."""
