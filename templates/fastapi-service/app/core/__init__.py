"""The standard's part of the service; updates replace it, so change nothing here.

A request comes in through `protocol` (bounds on heads and slow clients). `requests` wraps it once: its trace is from
`tracing`, its body bounded by `limits`, its count in `metrics`, its line in `logs`, and a problem document of `errors`
answers where something fails. Then the routers of `app.main` take it. `application.build` puts these together and
`server.run` serves them with an orderly end. `settings` is what both are told, `service` who this is.
"""
