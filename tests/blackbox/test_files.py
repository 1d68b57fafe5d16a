"""Files that clients keep here: /v1/files and /v1/uploads, as OpenAI's own client uses them, through kills and between
tenants."""

import hashlib
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


def key_of(data, name, *more):
    made = subprocess.run([weir_server.WEIR, "keys", "create", name, "--json", *more], capture_output=True,
                          env=weir_server.plain_environment(data) | {"WEIR_DATA": str(data)}, check=True, text=True)
    return json.loads(made.stdout)["key"]


def test_openais_client_uploads_in_parts(tmp_path):
    """With its own size of a part, 64 MiB, which is more than other bodies may have; also through a kill in between."""
    content = bytes(range(256)) * (1 << 18) + b"\r\n--the rest--\r\n"
    path = tmp_path / "large.bin"
    path.write_bytes(content)
    data = tmp_path / "data"
    with weir_server.Weir(data, models=weir_server.model_store()) as server:
        client = openai_client(server)
        done = client.uploads.upload_file_chunked(file=path, mime_type="application/octet-stream", purpose="user_data",
                                                  md5=hashlib.md5(content).hexdigest())
        assert done.status == "completed" and done.bytes == len(content) == done.file.bytes
        assert done.file.filename == "large.bin" and done.file.purpose == "user_data"
        assert client.files.content(done.file.id).read() == content
        assert [path.name for path in (data / "files").iterdir()] == [done.file.id]

        upload = client.uploads.create(filename="b.md", purpose="assistants", bytes=6, mime_type="text/markdown",
                                       expires_after={"anchor": "created_at", "seconds": 3600})
        assert upload.status == "pending" and upload.expires_at == upload.created_at + 3600 and upload.file is None
        second = client.uploads.parts.create(upload.id, data=b"def")
        assert second.upload_id == upload.id and second.object == "upload.part"
        server.kill()
    with weir_server.Weir(data, models=weir_server.model_store()) as server:
        client = openai_client(server)
        first = client.uploads.parts.create(upload.id, data=b"abc")
        with pytest.raises(openai.BadRequestError) as refused:
            client.uploads.complete(upload.id, part_ids=[first.id])
        assert (refused.value.code, refused.value.param) == ("wrong_size", "part_ids")
        with pytest.raises(openai.BadRequestError) as refused:
            client.uploads.complete(upload.id, part_ids=[first.id, second.id], md5="0" * 32)
        assert (refused.value.code, refused.value.param) == ("wrong_md5", "md5")
        done = client.uploads.complete(upload.id, part_ids=[first.id, second.id])
        assert done.file.expires_at == done.file.created_at + 3600
        assert client.files.content(done.file.id).read() == b"abcdef"
        with pytest.raises(openai.BadRequestError) as refused:
            client.uploads.parts.create(upload.id, data=b"x")
        assert refused.value.code == "upload_not_pending"

        upload = client.uploads.create(filename="c", purpose="batch", bytes=1, mime_type="text/plain")
        client.uploads.parts.create(upload.id, data=b"x")
        assert client.uploads.cancel(upload.id).status == "cancelled"
        with pytest.raises(openai.BadRequestError):
            client.uploads.complete(upload.id, part_ids=[])
        assert len(list((data / "files").iterdir())) == 2


def test_uploads_belong_to_their_tenant_and_are_bounded(keeper):
    client = openai_client(keeper)
    with pytest.raises(openai.APIStatusError) as refused:
        client.uploads.create(filename="a", purpose="batch", bytes=3 << 20, mime_type="text/plain")
    assert refused.value.status_code == 413 and "limits.kept_files" in refused.value.message
    for wrong in ({"filename": "a\nb"}, {"purpose": "fun"}, {"bytes": -1}):
        asked = {"filename": "a", "purpose": "batch", "bytes": 1, "mime_type": "text/plain"} | wrong
        with pytest.raises(openai.BadRequestError) as refused:
            client.uploads.create(**asked)
        assert refused.value.param == next(iter(wrong))
    upload = client.uploads.create(filename="a", purpose="batch", bytes=2 << 20, mime_type="text/plain")
    client.uploads.parts.create(upload.id, data=b"x" * (3 << 19))
    with pytest.raises(openai.APIStatusError) as refused:
        client.uploads.parts.create(upload.id, data=b"x" * (1 << 20))
    assert refused.value.status_code == 413
    with pytest.raises(openai.APIStatusError) as refused:
        client.with_options(max_retries=0).uploads.parts.create(upload.id, data=b"x" * (65 << 20))
    assert refused.value.status_code == 413
    client.uploads.cancel(upload.id)
    with http_client(keeper) as http:
        assert error_of(http.post("/v1/uploads/upload_x/parts", json={}), 400)["param"] == "content-type"
        assert error_of(http.post("/v1/uploads/upload_x/parts", files={"file": ("a", b"a")}), 400)["param"] == "data"
        assert error_of(http.post("/v1/uploads/upload_x/cancel"), 404)["code"] == "upload_not_found"


def test_uploads_of_others_are_not_there(tmp_path):
    data = tmp_path / "data"
    with weir_server.Weir(data, models=weir_server.model_store()) as server:
        mine, other = key_of(data, "mine"), key_of(data, "other", "--tenant", "elsewhere")
        models = key_of(data, "models", "--scopes", "models")
        client = openai_client(server, mine)
        upload = client.uploads.create(filename="a", purpose="batch", bytes=1, mime_type="text/plain")
        part = client.uploads.parts.create(upload.id, data=b"x")
        stranger = openai_client(server, other)
        for call in (lambda: stranger.uploads.parts.create(upload.id, data=b"y"), lambda: stranger.uploads.cancel(upload.id),
                     lambda: stranger.uploads.complete(upload.id, part_ids=[part.id])):
            with pytest.raises(openai.NotFoundError) as gone:
                call()
            assert gone.value.code == "upload_not_found"
        with pytest.raises(openai.PermissionDeniedError):
            openai_client(server, models).uploads.cancel(upload.id)
        assert client.uploads.complete(upload.id, part_ids=[part.id]).file.bytes == 1


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

        mine, other = key_of(data, "mine"), key_of(data, "other", "--tenant", "elsewhere")
        models = key_of(data, "models", "--scopes", "models")
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
