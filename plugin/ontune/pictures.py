"""A picture as every host should see it: opaque RGB on white, upright."""

from PIL import Image, ImageOps

__all__ = ["upright"]

PLAIN = {"1", "L", "P", "RGB"}  # convert("RGB"), as both hosts call it, shows these as they are
DEEP = {"I", "I;16", "I;16B", "I;16L", "I;16N"}  # 16 bits a pixel
ORIENTATION = 0x0112  # the EXIF tag


def upright(image: Image.Image) -> Image.Image | None:
    """The loaded picture as opaque RGB, turned as its EXIF says; None where it is all that already.

    Raises ValueError for a mode that holds no picture.
    """
    turned = image.getexif().get(ORIENTATION) in range(2, 9)
    if image.mode in PLAIN and not image.has_transparency_data and not turned:
        return None
    image = ImageOps.exif_transpose(image)
    rgba = (_eight_bits(image) if image.mode in DEEP else _straight(image)).convert("RGBA")
    flat = Image.new("RGB", rgba.size, "white")
    flat.paste(rgba, mask=rgba.getchannel("A"))
    return flat


def _straight(image: Image.Image) -> Image.Image:
    """The picture in a mode that converts to RGBA. Raises ValueError for floating point and the like."""
    if image.mode in {"CMYK", "YCbCr", "LAB", "HSV"}:
        return image.convert("RGB")
    if image.mode not in {*PLAIN, "LA", "PA", "RGBA", "RGBa", "La", "RGBX"}:
        raise ValueError(f"mode {image.mode}: expected grey, palette, RGB or CMYK")
    return image.convert("LA") if image.mode == "La" else image


def _eight_bits(image: Image.Image) -> Image.Image:
    """A 16-bit grey picture in 8 bits (Pillow would cut values off at 255), its transparent value as alpha."""
    import numpy as np  # a third of this command's start; few pictures need it

    values = np.asarray(image).astype(np.int64)
    grey = (np.clip(values, 0, 65535) * 255 + 32767) // 65535
    alpha = np.where(values == image.info.get("transparency", -1), 0, 255)
    bands = [Image.fromarray(band.astype(np.uint8)) for band in (grey, alpha)]
    return Image.merge("LA", bands)
