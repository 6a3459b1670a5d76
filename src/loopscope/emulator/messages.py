"""Read the messages of a conversation, in the three forms that dialects have for them."""

from typing import Any, NamedTuple

from loopscope.emulator.answers import ApiError, Stage
from loopscope.emulator.gojson import kind_of


class Said(NamedTuple):
    """What matters of a conversation."""

    text: str = ""
    messages: int = 0
    answers_tool: bool = False
    """The last message is the result of a tool."""
    images: bool = False


def messages_of(messages: list[Any]) -> Said:
    """Read Ollama's own messages: each has a text.

    Raises:
        ApiError: 400, one is no message.
    """
    texts = []
    for message in messages:
        content = message.get("content") if isinstance(message, dict) else message
        if not isinstance(message, dict):
            raise ApiError(400, f"json: cannot unmarshal {kind_of(message)} into Go value of type api.Message")
        if content is not None and not isinstance(content, str):
            kind = kind_of(content)
            raise ApiError(
                400, f"json: cannot unmarshal {kind} into Go struct field ChatRequest.messages.content of type string"
            )
        texts.append(content or "")
    images = any(message.get("images") for message in messages)
    return Said("\n".join(texts), len(messages), _answers_tool(messages), images)


def parts_of(messages: list[Any]) -> Said:
    """Read OpenAI's messages: each has a text or parts.

    Raises:
        ApiError: 400, one is no message.
    """
    texts, images = [], False
    for message in messages:
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, str):
            texts.append(content)
        elif isinstance(content, list):
            for part in content:
                kind = part.get("type") if isinstance(part, dict) else None
                if kind == "text" and isinstance(part.get("text"), str):
                    texts.append(part["text"])
                elif kind == "image_url":
                    images = True
                else:
                    raise ApiError(400, "invalid message format", Stage.READING)
        elif not (isinstance(message, dict) and message.get("tool_calls")):
            raise ApiError(400, f"invalid message content type: {_go_type(content)}", Stage.READING)
    return Said("\n".join(texts), len(messages), _answers_tool(messages), images)


def blocks_of(messages: list[Any]) -> Said:
    """Read Anthropic's messages: each has a text or blocks.

    Raises:
        ApiError: 400, one is no message.
    """
    texts, answers_tool, images = [], False, False
    for message in messages:
        content = message.get("content") if isinstance(message, dict) else None
        answers_tool = False
        if isinstance(content, str):
            texts.append(content)
        elif isinstance(content, list):
            for block in content:
                kind = block.get("type") if isinstance(block, dict) else None
                if kind == "text":
                    texts.append(str(block.get("text", "")))
                elif kind == "tool_result":
                    texts.append(str(block.get("content", "")))
                    answers_tool = True
                images |= kind == "image"
        else:
            raise ApiError(400, "unexpected end of JSON input", Stage.READING)
    return Said("\n".join(texts), len(messages), answers_tool, images)


def items_of(value: Any) -> Said:
    """Read the input of ``/v1/responses``: a text, or items of which some are messages.

    Raises:
        ApiError: 400, neither.
    """
    if isinstance(value, str):
        return Said(value, 1)
    if not isinstance(value, list):
        raise ApiError(400, "input must be a string or array", Stage.READING)
    texts, answers_tool, images = [], False, False
    for item in value:
        if not isinstance(item, dict):
            raise ApiError(400, f"json: cannot unmarshal {kind_of(item)} into Go value of type map", Stage.READING)
        answers_tool = item.get("type") == "function_call_output"
        content = item.get("output" if answers_tool else "content")
        for part in content if isinstance(content, list) else [content]:
            if isinstance(part, dict):
                images |= part.get("type") == "input_image"
                texts.append(str(part.get("text", "")))
            elif isinstance(part, str):
                texts.append(part)
    return Said("\n".join(texts), len(value), answers_tool, images)


def _answers_tool(messages: list[Any]) -> bool:
    return bool(messages) and isinstance(messages[-1], dict) and messages[-1].get("role") == "tool"


def _go_type(value: object) -> str:
    names = {type(None): "<nil>", bool: "bool", int: "float64", float: "float64"}
    return names.get(type(value), "map[string]interface {}")
