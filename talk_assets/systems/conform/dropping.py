"""A transport that loses answers when told to."""

from typing import Any, Literal

from talk_assets.systems.calling.http import Transport

Loss = Literal["before", "after"]


class Dropping(Transport):
    """Passes everything on, but for one request that is not a GET: it is lost before it arrives, or its answer after."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.next_loss: Loss | None = None

    def handle_request(self, request: Any) -> Any:
        loss = self.next_loss if request.method != "GET" and "oken" not in request.url.path else None
        if loss is None:
            return self._inner.handle_request(request)
        self.next_loss = None
        if loss == "after":
            response = self._inner.handle_request(request)
            response.read()
            response.close()
        raise ConnectionResetError("dropped on purpose")

    def close(self) -> None:
        self._inner.close()
