"""How well the matcher matches, and how fast: on labelled names, and on made ones, beside other libraries."""
