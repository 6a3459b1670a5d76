"""Elements of a page. What came from a file goes in as text or as an attribute, and always through here."""

from html import escape

_VOID = frozenset({"line", "rect", "circle", "path", "meta", "col", "br"})


class Markup(str):
    """Text that is markup already. Everything else is escaped."""

    __slots__ = ()


def element(tag: str, *inside: object, **attributes: object) -> Markup:
    """Give an element; ``class_`` is the class, an underscore in a name a hyphen; ``None`` leaves an attribute out."""
    told = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(_said(value), quote=True)}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in _VOID:
        return Markup(f"<{tag}{told}/>")
    return Markup(f"<{tag}{told}>{joined(*inside)}</{tag}>")


def joined(*parts: object) -> Markup:
    """Give parts one after the other, each escaped unless it is markup; ``None`` is nothing."""
    return Markup(
        "".join(part if isinstance(part, Markup) else escape(_said(part)) for part in parts if part is not None)
    )


def _said(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def defined(text: object, means: str) -> Markup:
    """Give a word whose definition shows when one points at it, or comes to it by key."""
    return element("span", text, class_="def", data_tip=means, tabindex="0") if means else joined(text)
