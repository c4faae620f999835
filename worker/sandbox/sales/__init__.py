"""Sales transactions: lines, discounts, taxes, numbers and postings that invoices, receipts and credit memos share."""
