"""Run folders as plain values: whatever a file holds, nothing here raises for it, and nothing here draws."""
