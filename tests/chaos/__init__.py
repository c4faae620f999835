"""Everything real, everything going wrong at once: processes, servers and networks die while messages pour in."""
