"""httpx2, by the same code as httpx."""

from loopscope.rig.clients import httpx_client


class Httpx2Client(httpx_client.AnyHttpx):
    """httpx2."""

    library = httpx_client.library("httpx2", "httpcore2")
    name = "httpx2"
    version = str(library.httpx.__version__)
    errors = (library.httpx.HTTPError,)


CLIENT = Httpx2Client
