"""Long campaigns: `make soak` runs them whole, the test suite a seeded sample."""
