"""Records as pages and charts for people."""
