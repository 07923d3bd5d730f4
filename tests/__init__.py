"""The tests; the tree mirrors the product's. `./test` runs them all."""
