"""A provider that speaks four dialects over real TLS and fails on demand; see server.py and failures.py."""

from fake_provider.answers import Answer
from fake_provider.failures import FAILURES, HTTP2_FAILURES, HTTP2_HARMLESS, TLS_FAILURES
from fake_provider.server import FakeProvider

__all__ = ["FAILURES", "HTTP2_FAILURES", "HTTP2_HARMLESS", "TLS_FAILURES", "Answer", "FakeProvider"]
