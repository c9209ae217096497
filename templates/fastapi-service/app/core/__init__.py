"""The standard's part of the service; updates replace it, so change nothing here.

A request comes in through `protocol` (bounds on heads and slow clients), gets its trace in `tracing`, its count in
`metrics` and its line in `logs` from `requests`, a problem document of `errors` when something fails, and has its body
bounded by `limits`; then the routers of `app.main` take it. `application.build` puts these together, `server.run`
serves them with an orderly end. `settings` is what both are told, `service` who this is.
"""
