"""The code of the client that a test adds."""

from loopscope.rig.clients.streams_client import StreamsClient


class ParrotClient(StreamsClient):
    """Does what asyncio streams do."""

    name = "parrot"


CLIENT = ParrotClient
