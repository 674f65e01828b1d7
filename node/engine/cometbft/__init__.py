"""CometBFT as the engine: a `cometbft` process orders, the application's verbs answer it over ABCI 2.0 (docs/adr/0020)."""
