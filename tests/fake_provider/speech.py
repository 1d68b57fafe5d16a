"""Speech to text as OpenAI and whisper.cpp's whisper-server answer it: a form in, JSON out. Pure."""


def form_of(request):
    """A form as a dictionary: texts by name (a list where a name stands twice), files as (name, type, bytes)."""
    boundary = request.headers["content-type"].split("boundary=")[1].strip('"').encode()
    fields = {}
    for part in request.body.split(b"--" + boundary)[1:-1]:
        head, content = part[2:-2].split(b"\r\n\r\n", 1)
        lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        words = dict(word.strip().split("=", 1) for word in lines["Content-Disposition"].split(";")[1:])
        name = words["name"].strip('"')
        value = content.decode() if "filename" not in words else (
            words["filename"].strip('"'), lines.get("Content-Type"), content)
        if name in fields:
            before = fields[name] if isinstance(fields[name], list) else [fields[name]]
            value = [*before, value]
        fields[name] = value
    return fields


SEGMENTS = ((0.0, 1.5, " Grüße from"), (1.5, 3.25, " the other side."))
WORDS = ((0.0, 0.5, "Grüße"), (0.5, 1.5, "from"), (1.5, 2.0, "the"), (2.0, 2.5, "other"), (2.5, 3.25, "side."))
TEXT = "Grüße from the other side."
SECONDS = 3.25


class _Speech:
    content_type = "application/json"

    def streams(self, path, body):
        return False

    def tools(self, body):
        return []

    def body(self, request):
        return form_of(request)

    def error_frame(self, message):
        raise AssertionError("speech is not streamed")


class OpenAiSpeech(_Speech):
    name = "openai"

    def matches(self, method, path):
        return method == "POST" and path.split("?")[0].endswith(("/audio/transcriptions", "/audio/translations"))

    def model(self, path, body):
        return body["model"]

    def whole(self, answer, model, body):
        if body.get("response_format", "json") == "json":
            usage = {"type": "tokens", "input_tokens": 33, "output_tokens": 7, "total_tokens": 40}
            return {"text": TEXT, "usage": usage}
        wanted = body.get("timestamp_granularities[]", "segment")
        said = {"task": "transcribe", "language": "german", "duration": SECONDS, "text": TEXT,
                "usage": {"type": "duration", "seconds": 4}}
        if "segment" in wanted:
            said["segments"] = [{"id": i, "seek": 0, "start": a, "end": b, "text": text, "tokens": [50364, 7], "temperature": 0.0,
                                 "avg_logprob": -0.25, "compression_ratio": 1.2, "no_speech_prob": 0.01}
                                for i, (a, b, text) in enumerate(SEGMENTS)]
        if "word" in wanted:
            said["words"] = [{"word": word, "start": a, "end": b} for a, b, word in WORDS]
        return said

    def error(self, status, message):
        return {"error": {"message": message, "type": "server_error", "param": None, "code": f"fake_{status}"}}


class WhisperServer(_Speech):
    name = "whisper"

    def matches(self, method, path):
        return method == "POST" and path == "/inference"

    def model(self, path, body):
        return "whisper"

    def whole(self, answer, model, body):
        if body["response_format"] != "verbose_json":
            return {"text": "".join(f"{text}\n" for _, _, text in SEGMENTS)}
        segments = [{"id": i, "text": text, "start": a, "end": b, "tokens": [7, 8], "temperature": 0.0, "avg_logprob": None,
                     "no_speech_prob": 1e-9, "words": self._pieces(a, b)} for i, (a, b, text) in enumerate(SEGMENTS)]
        return {"task": "transcribe", "language": "german", "duration": SECONDS, "segments": segments,
                "text": "".join(f"{text}\n" for _, _, text in SEGMENTS)}

    def _pieces(self, start, end):
        """Tokens, as the server gives them for words: each begins with its white space or goes a word on."""
        pieces = []
        for a, b, word in WORDS:
            if start <= a and b <= end:
                pieces += [{"word": " " + word[:2], "start": a, "end": (a + b) / 2, "probability": 0.9},
                           {"word": word[2:], "start": (a + b) / 2, "end": b, "probability": 0.9}]
        return pieces

    def error(self, status, message):
        return {"error": message}


def other(method, path):
    """(status, JSON) of what is no speech."""
    if method == "GET" and path == "/health":
        return 200, {"status": "ok"}
    return None


ROUTES = (OpenAiSpeech(), WhisperServer())

