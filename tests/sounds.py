"""Sounds that tests send."""

import io
import wave


def silence(seconds=1):
    """A .wav of 16 kHz, one channel, 16 bits."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(bytes(32000 * seconds))
    return out.getvalue()
