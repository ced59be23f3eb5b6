"""Answers that say what is wrong (RFC 9457), and bodies read so that they can."""

import logging
from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from ..errors import ConfigurationError, FormatError, NotFoundError, StoreError
from ..formats.reading import JsonObject, read_object

_LOG: Final = logging.getLogger(__name__)

CONTENT_TYPE: Final = "application/problem+json"


def problem(status: int, detail: str) -> web.Response:
    """The body of every refusal: `type`, `title`, `status`, `detail`."""
    title = HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return web.json_response(body, status=status, content_type=CONTENT_TYPE)


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn our own errors, and aiohttp's refusals, into problems; other errors crash as 500."""
    try:
        return await handler(request)
    except NotFoundError as error:
        return problem(404, str(error))
    except StoreError as error:  # one that cannot be opened is nothing a request could mend
        _LOG.error("%s %s: %s", request.method, request.path, error)
        return problem(500, "the store cannot be used; the log of the server says why")
    except (FormatError, ConfigurationError) as error:
        return problem(422, str(error))
    except web.HTTPException as refused:
        if refused.status < 400:
            raise
        answer = problem(refused.status, refused.text or refused.reason)
        if hdrs.ALLOW in refused.headers:
            answer.headers[hdrs.ALLOW] = refused.headers[hdrs.ALLOW]
        return answer


async def body_of(request: web.Request) -> JsonObject:
    """The JSON object a client sent.

    Raises:
        FormatError: if it is none.
    """
    raw = await request.read()
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise FormatError("body: is not UTF-8 text; send JSON") from error
    return read_object(text, "body")
