"""What the black-box tests share: one server for the session, clients for it, and servers of one's own."""

import subprocess

import pytest

import weir_server
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


@pytest.fixture(params=[SMALL, CODER, CODER_LARGE])
def tool_model(request):
    return need_model(request.param)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    with weir_server.Weir(tmp_path_factory.mktemp("weir"), models=weir_server.model_store()) as running:
        yield running
        assert running.process.poll() is None, "the shared server ended during the tests"


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


@pytest.fixture(scope="session")
def client(server):
    return openai_client(server)


@pytest.fixture(scope="session")
def http(server):
    with http_client(server) as session:
        yield session


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
