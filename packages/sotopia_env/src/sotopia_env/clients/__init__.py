"""Language models behind one protocol."""

from .protocol import ModelClient, ModelReply, ModelRequest
from .scripted import ScriptedClient
from .spec import client_for

__all__ = ["ModelClient", "ModelReply", "ModelRequest", "ScriptedClient", "client_for"]
