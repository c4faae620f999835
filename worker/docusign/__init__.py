"""DocuSign Connect: its messages, their signatures, and whether they are accepted."""
