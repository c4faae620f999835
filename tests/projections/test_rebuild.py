"""Read models built anew beside the live ones: whatever happens meanwhile, they are what folding the log gives."""
