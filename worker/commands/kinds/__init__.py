"""One file a kind of command: all that is particular to it. `all.py` lists them."""
