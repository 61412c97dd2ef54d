"""A second simulator, written from docs/contract.md alone and in exact fractions: the judge over the engine."""
