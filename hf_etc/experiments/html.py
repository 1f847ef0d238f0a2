"""Result pages: HTML in one file, from a template that escapes what it is given."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image


def render(template: Path, **values: Any) -> str:
    """The page as text; it refers to no other file.

    Args:
        template: of jinja2. The filter ``png`` makes an image element: ``{{ pixels|png("what it shows") }}``.
        values: by name in the template; texts are escaped, but for :class:`markupsafe.Markup`.
    """
    environment = Environment(
        loader=FileSystemLoader(template.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["png"] = png
    return environment.get_template(template.name).render(values)


def png(image: np.ndarray | Image.Image, alt: str, edge: int | None = None) -> Markup:
    """An image element that holds its PNG file.

    Args:
        image: uint8 (H,W,3), or a picture.
        alt: what it shows.
        edge: of the square that it is made smaller to fit into; None: as it is.
    """
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    if edge is not None:
        picture.thumbnail((edge, edge))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    data = base64.b64encode(buffer.getvalue()).decode()
    return Markup('<img src="data:image/png;base64,{}" alt="{}">').format(data, alt)
