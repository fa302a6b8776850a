"""The only way out of a server's container: a list of hosts, and our proxy that keeps to it.

A container has no network device but `lo`. Before its server starts, the shim makes three sockets
on that loopback and hands them to us: a proxy's, and two on which names are asked for. They belong
to the container's network, yet we hold them: what arrives there is judged here, outside, by rules
the server cannot touch. When we die, the sockets are gone and nothing answers any more.

    rules     host, port, protocol: what is allowed
    hello     the name in a TLS ClientHello (RFC 8446, RFC 6066)
    head      CONNECT and plain HTTP requests (RFC 9110, RFC 9112)
    names     questions for names (RFC 1035), answered and never passed on
    targets   names to addresses that may be reached
    tunnel    bytes from one connection to another
    passage   one connection: judged, then let through
    proxy     the whole, one for each running server
"""
