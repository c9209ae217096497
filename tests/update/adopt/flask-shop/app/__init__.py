from flask import Flask


def create():
    app = Flask(__name__)

    @app.get("/healthz")
    def health():
        return {"ok": True}

    return app
