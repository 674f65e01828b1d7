"""The harness for the verifier in the browser, and what it is asked beside the vectors."""
