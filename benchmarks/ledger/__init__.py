"""What the ledger costs a request, and whether it holds what it promises to a server that is killed."""
