"""Connect a workspace to a QuickBooks company: consent in a browser, proof, connection or revocation."""
