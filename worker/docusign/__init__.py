"""DocuSign Connect as an installation knows it: the keys it signs with, and whether its messages are taken."""
