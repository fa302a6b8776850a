"""The soak: many gateways, many servers, mixed calls and random kills, and an account at the end.

`make soak` runs it for ten minutes; `make test` a cut of one minute. Everything is real: clients
with pipes or sockets, `mcptui gateway run`, containers, SIGKILL.
"""
