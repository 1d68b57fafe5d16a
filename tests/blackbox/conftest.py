"""What the black-box tests share: one server for the session, clients for it, and servers of one's own."""

import subprocess

import pytest

import weir_server
from beyond import Beyond
from fake_provider import FakeProvider
from talk import CODER, CODER_LARGE, EMBEDDING, SMALL, http_client, openai_client


def pytest_collection_modifyitems(items):
    if not weir_server.WEIR.exists():
        skip = pytest.mark.skip(reason=f"{weir_server.WEIR} is not built")
        for item in items:
            item.add_marker(skip)


def has_model(name):
    model, tag = name.split(":")
    return any((weir_server.model_store() / "manifests").glob(f"**/{model}/{tag}*"))


def need_model(name):
    if not has_model(name):
        pytest.skip(f"{name} is not in the model store; tools/fetch_models {name}")
    return name


@pytest.fixture(scope="session")
def small():
    return need_model(SMALL)


@pytest.fixture(scope="session")
def embedding():
    return need_model(EMBEDDING)


@pytest.fixture(scope="session")
def coder():
    return need_model(CODER)


@pytest.fixture(params=[SMALL, CODER, CODER_LARGE])
def tool_model(request):
    return need_model(request.param)


@pytest.fixture(params=[CODER, CODER_LARGE])
def deciding_model(request):
    """One that was trained to decide for a tool, and to use its result; smollm2:135m was not."""
    return need_model(request.param)


@pytest.fixture(params=[(SMALL, 576), (CODER, 896)], ids=[SMALL, CODER])
def chat_model(request):
    """(name, length of its vectors)"""
    return need_model(request.param[0]), request.param[1]


class Shared:
    """The server that most tests share. One that ended fails the test that it ended in, and the next gets a new one."""

    def __init__(self, factory):
        self.factory = factory
        self.running = None
        self.clients = {}

    def get(self):
        if self.running and self.running.process.poll() is not None:
            self.running = None
        if not self.running:
            self.running = weir_server.Weir(self.factory.mktemp("weir"), models=weir_server.model_store())
            self.clients = {"openai": openai_client(self.running), "http": http_client(self.running)}
        return self.running

    def stop(self):
        if self.running:
            self.running.__exit__()


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    holder = Shared(tmp_path_factory)
    yield holder
    holder.stop()


@pytest.fixture
def server(shared):
    running = shared.get()
    yield running
    code = running.process.poll()
    assert code is None, f"the shared server ended (exit {code}) during this test:\n{running.log()[-3000:]}"


@pytest.fixture
def serve(tmp_path):
    """serve(*arguments, **settings): a server of one's own, ended with the test."""
    running = []

    def start(*arguments, models=weir_server.model_store(), **settings):
        weir = weir_server.Weir(tmp_path / f"weir{len(running)}", *arguments, models=models, **settings)
        running.append(weir)
        return weir

    yield start
    for weir in running:
        weir.__exit__()


@pytest.fixture
def client(server, shared):
    return shared.clients["openai"]


@pytest.fixture
def http(server, shared):
    return shared.clients["http"]


@pytest.fixture(scope="session")
def stories():
    folder = weir_server.shared_data()
    path = folder and folder / "models" / "stories260K" / "stories260K-f32.gguf"
    if not path or not path.exists():
        pytest.skip("stories260K is not there")
    return path


@pytest.fixture
def weir(server):
    """weir(*arguments, input=...): runs a command against the shared server's data folder."""

    def run(*arguments, data=None, **settings):
        environment = weir_server.plain_environment(server.data) | {
            "WEIR_DATA": str(data or server.data), "WEIR_MODELS": str(weir_server.model_store())}
        return subprocess.run([weir_server.WEIR, *arguments], capture_output=True, text=True, env=environment,
                              timeout=120 * weir_server.PATIENCE, **({"input": ""} | settings))

    return run


@pytest.fixture(scope="module")
def provider():
    """A provider that can be told to fail, one for all tests of a file."""
    with FakeProvider() as running:
        yield running


@pytest.fixture
def fresh_provider(provider):
    """It knows nothing of the test before, and lets go of what it holds after this one."""
    provider.forget()
    yield
    provider.release()


@pytest.fixture
def beyond(tmp_path):
    """beyond(*parts, **settings): a server whose configuration is the parts, ended with the test."""
    running = []

    def start(*parts, **settings):
        weir = Beyond(tmp_path / f"weir{len(running)}", "\n".join(parts), **settings)
        running.append(weir)
        return weir

    yield start
    for weir in running:
        weir.__exit__()
