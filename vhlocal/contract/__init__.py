"""What production does, as pure functions; each names its row of the contract in ``docs/contract.md``."""
