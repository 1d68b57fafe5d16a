"""Files that clients keep here: /v1/files, as OpenAI's own client uses it, through kills and between tenants."""

import json
import subprocess

import openai
import pytest

import weir_server
from talk import error_of, http_client, openai_client


@pytest.fixture(scope="module")
def keeper(tmp_path_factory):
    with weir_server.Weir(tmp_path_factory.mktemp("files"), "--limits-kept-files", "2MiB",
                          models=weir_server.model_store()) as running:
        yield running


def test_openais_client_keeps_lists_reads_and_deletes(keeper):
    client = openai_client(keeper)
    content = bytes(range(256)) * 40 + b"\r\n--boundary\r\n"
    kept = client.files.create(file=("Gezeiten \"1\" ä.md", content), purpose="user_data")
    assert kept.filename == "Gezeiten \"1\" ä.md" and kept.bytes == len(content) and kept.status == "processed"
    second = client.files.create(file=("b.jsonl", b"{}\n"), purpose="batch",
                                 expires_after={"anchor": "created_at", "seconds": 3600})
    assert second.expires_at == second.created_at + 3600
    assert client.files.retrieve(kept.id) == kept
    assert client.files.content(kept.id).read() == content
    assert [file.id for file in client.files.list()] == [second.id, kept.id]
    assert [file.id for file in client.files.list(order="asc", limit=1)] == [kept.id, second.id], "over two pages"
    assert [file.id for file in client.files.list(purpose="batch")] == [second.id]
    assert client.files.wait_for_processing(kept.id).id == kept.id
    for file in (kept, second):
        assert client.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError) as gone:
        client.files.content(kept.id)
    assert gone.value.code == "file_not_found"


def test_what_is_too_large_is_refused_and_leaves_nothing(keeper):
    client = openai_client(keeper)
    first = client.files.create(file=("a", b"x" * (3 << 19)), purpose="evals")
    with pytest.raises(openai.APIStatusError) as refused:
        client.files.create(file=("b", b"x" * (1 << 20)), purpose="evals")
    assert refused.value.status_code == 413 and "limits.kept_files" in refused.value.message
    with pytest.raises(openai.APIStatusError) as refused:
        client.files.create(file=("c", b"x" * (33 << 20)), purpose="evals")
    assert refused.value.status_code == 413
    assert [file.id for file in client.files.list()] == [first.id]
    assert [path.name for path in (keeper.data / "files").iterdir()] == [first.id]
    client.files.delete(first.id)
    assert not list((keeper.data / "files").iterdir())


def test_a_form_that_is_wrong_is_named(keeper):
    with http_client(keeper) as http:
        assert error_of(http.post("/v1/files", json={"purpose": "evals"}), 400)["param"] == "content-type"
        assert error_of(http.post("/v1/files", files={"file": ("a", b"a")}), 400)["param"] == "purpose"
        wrong = http.post("/v1/files", files={"file": ("a", b"a")}, data={"purpose": "x"})
        assert error_of(wrong, 400)["param"] == "purpose"
        broken = http.post("/v1/files", content=b"--b\r\nno", headers={"content-type": "multipart/form-data; boundary=b"})
        assert error_of(broken, 400)["code"] == "invalid_form"


def test_files_outlive_a_kill_and_tenants_do_not_see_each_other(tmp_path):
    data = tmp_path / "data"
    server = weir_server.Weir(data, models=weir_server.model_store())
    with http_client(server) as http:
        kept = http.post("/v1/files", files={"file": ("a.md", b"kept")}, data={"purpose": "user_data"},
                         headers={"x-weir-label": "personal"}).json()
        assert kept["label"] == "personal"
    server.kill()
    # What a kill between the content and its row leaves.
    (data / "files" / "file-orphan").write_bytes(b"x")
    with weir_server.Weir(data, models=weir_server.model_store()) as server:
        client = openai_client(server)
        assert client.files.content(kept["id"]).read() == b"kept"
        assert [path.name for path in (data / "files").iterdir()] == [kept["id"]]
        assert (data / "files" / kept["id"]).stat().st_mode & 0o077 == 0

        def key(name, *more):
            made = subprocess.run([weir_server.WEIR, "keys", "create", name, "--json", *more], capture_output=True,
                                  env=weir_server.plain_environment(data) | {"WEIR_DATA": str(data)}, check=True, text=True)
            return json.loads(made.stdout)["key"]

        mine, other, models = key("mine"), key("other", "--tenant", "elsewhere"), key("models", "--scopes", "models")
        assert openai_client(server, mine).files.retrieve(kept["id"]).id == kept["id"]
        stranger = openai_client(server, other)
        assert not list(stranger.files.list())
        for call in (stranger.files.retrieve, stranger.files.content, stranger.files.delete):
            with pytest.raises(openai.NotFoundError):
                call(kept["id"])
        with pytest.raises(openai.PermissionDeniedError):
            openai_client(server, models).files.list()
        with pytest.raises(openai.AuthenticationError):
            openai_client(server, "nonsense").files.list()
