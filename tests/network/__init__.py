"""Ledgers of several validators: real `sogoc` and `cometbft` processes, real sockets."""
