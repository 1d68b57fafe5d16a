#include "server/qdrant_snapshots.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "dialects/qdrant/answer.h"
#include "dialects/qdrant/collection.h"
#include "dialects/qdrant/snapshot.h"
#include "hash/hash.h"
#include "http/message.h"
#include "http/multipart.h"
#include "json/writer.h"
#include "process/fd.h"

namespace weir::server {
namespace {

constexpr size_t kPieceBytes = size_t{256} << 10;

std::unexpected<Error> Nowhere() {
  return Fail(Code::kNotFound, "there is nothing at this path", {}, "unknown_route");
}

// Checksums are notes of the store, by the snapshots' names, of which no two are alike. They are
// made here, so that the library by itself needs no hashes.
std::string NoteOf(std::string_view snapshot) { return fmt::format("snapshot/{}", snapshot); }

std::string ChecksumOf(const Shelf& shelf, std::string_view snapshot) {
  const auto notes = shelf.store.Notes(NoteOf(snapshot));
  return notes.empty() ? "" : notes.front().text;
}

Result<std::shared_ptr<const Fd>> OpenFile(const std::filesystem::path& path) {
  auto fd = std::make_shared<const Fd>(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd->valid()) return Fail(SystemError("the snapshot could not be opened", errno));
  return fd;
}

// Empty at the end.
Result<std::string> ReadPiece(const Fd& file, size_t at) {
  std::string piece(kPieceBytes, '\0');
  const ssize_t got = pread(file.get(), piece.data(), piece.size(), static_cast<off_t>(at));
  if (got < 0) return Fail(SystemError("the snapshot could not be read", errno));
  piece.resize(static_cast<size_t>(got));
  return piece;
}

Result<std::string> HashOf(const std::filesystem::path& path) {
  const auto file = OpenFile(path);
  if (!file) return Fail(file.error());
  Sha256 hash;
  for (size_t at = 0;;) {
    const auto piece = ReadPiece(**file, at);
    if (!piece) return Fail(piece.error());
    if (piece->empty()) return hash.Hex();
    hash.Add(*piece);
    at += piece->size();
  }
}

Result<void> CheckHash(const std::string& wanted, const std::string& has) {
  if (wanted == has) return {};
  return Fail(Code::kInvalidArgument,
              fmt::format("the snapshot has the SHA-256 {}, and checksum says {}", has, wanted),
              "checksum", "checksum_mismatch");
}

Result<std::string> List(const Shelf& shelf, const std::string& collection) {
  if (auto found = shelf.Look(collection); !found) return Fail(std::move(found.error()));
  const auto all = shelf.store.Snapshots(shelf.FullName(collection));
  if (!all) return Fail(all.error());
  std::string out;
  json::Writer writer(&out);
  writer.BeginArray();
  for (const vectors::SnapshotInfo& snapshot : *all)
    qdrant::AppendSnapshot(writer, snapshot, ChecksumOf(shelf, snapshot.name));
  writer.EndArray();
  return out;
}

// Of a snapshot that was just made, and noted.
Result<std::string> NewChecksum(const Shelf& shelf, const std::string& full_name,
                                const std::string& snapshot) {
  const auto file = shelf.store.FindSnapshot(full_name, snapshot);
  if (!file) return Fail(file.error());
  auto checksum = HashOf(*file);
  if (!checksum) return checksum;
  auto noted = shelf.store.PutNote({.key = NoteOf(snapshot), .text = *checksum});
  if (!noted) return Fail(noted.error());
  return checksum;
}

Result<std::string> Make(const Shelf& shelf, const std::string& collection) {
  if (auto found = shelf.Look(collection); !found) return Fail(std::move(found.error()));
  const std::string full_name = shelf.FullName(collection);
  const auto made = shelf.store.MakeSnapshot(full_name);
  if (!made) return Fail(made.error());
  const auto checksum = NewChecksum(shelf, full_name, made->name);
  if (!checksum) {
    // All of it or nothing; what cannot be removed is listed without a checksum.
    (void)shelf.store.RemoveSnapshot(full_name, made->name);
    return Fail(checksum.error());
  }
  std::string out;
  json::Writer writer(&out);
  qdrant::AppendSnapshot(writer, *made, *checksum);
  return out;
}

Result<std::string> Remove(const Shelf& shelf, const std::string& collection,
                           const std::string& snapshot) {
  auto removed = shelf.store.RemoveSnapshot(shelf.FullName(collection), snapshot);
  if (removed) removed = shelf.store.RemoveNote(NoteOf(snapshot));
  if (!removed) return Fail(std::move(removed.error()));
  return "true";
}

Result<std::string> Recover(const Shelf& shelf, const std::string& collection,
                            const VectorRequest& request) {
  if (auto ok = qdrant::CheckName(collection); !ok) return Fail(std::move(ok.error()));
  const auto body = request.Json();
  if (!body) return Fail(body.error());
  const auto ask = qdrant::ReadRecover(*body);
  if (!ask) return Fail(ask.error());
  const std::string& from = ask->collection.empty() ? collection : ask->collection;
  auto file = shelf.store.FindSnapshot(shelf.FullName(from), ask->snapshot);
  if (!file) {
    file.error().param = "location";
    return Fail(std::move(file.error()));
  }
  if (!ask->checksum.empty()) {
    const auto has = HashOf(*file);
    if (!has) return Fail(has.error());
    if (auto same = CheckHash(ask->checksum, *has); !same) return Fail(same.error());
  }
  auto recovered = shelf.store.Recover(shelf.FullName(collection), *file);
  if (!recovered) return Fail(std::move(recovered.error()));
  return "true";
}

// The file of the form.
Result<std::string_view> FileOf(std::string_view content_type, std::string_view body) {
  const auto parts = http::ParseForm(content_type, body);
  if (!parts) return Fail(parts.error());
  if (parts->size() != 1 || parts->front().name != "snapshot") {
    return Fail(Code::kInvalidArgument, "the form takes one field, the file 'snapshot'", "snapshot",
                "invalid_form");
  }
  return parts->front().content;
}

// What the path names, and where it is on the disk.
struct Named {
  Shelf shelf;
  std::vector<std::string> path;  // collection, "snapshots", the last piece
};

Result<Named> NameOf(Site& site, const Call& call) {
  if (site.vectors == nullptr)
    return Fail(Code::kUnavailable, "this server has no vector store", {}, "no_vector_store");
  auto path = PathParts(call.tail);
  if (!path) return Fail(std::move(path.error()));
  if (path->size() != 3) return Nowhere();
  return Named{.shelf = {*site.vectors, call.asked.principal.tenant}, .path = std::move(*path)};
}

// Of the file that an upload brings; empty: any.
Result<std::string> ChecksumAsked(const Call& call) {
  const auto text = http::QueryValue(call.request().query, "checksum");
  return text && !text->empty() ? qdrant::ReadChecksum(*text) : Result<std::string>("");
}

}  // namespace

Result<std::string> AnswerQdrantSnapshots(const Shelf& shelf, const std::string& collection,
                                          std::span<const std::string> path,
                                          const VectorRequest& request) {
  const std::string& method = request.method;
  if (path.empty() && method == "GET") return List(shelf, collection);
  if (path.empty() && method == "POST") return Make(shelf, collection);
  if (path.size() == 1 && method == "DELETE") return Remove(shelf, collection, path[0]);
  if (path.size() == 1 && path[0] == "recover" && method == "PUT")
    return Recover(shelf, collection, request);
  return Nowhere();
}

Task<void> QdrantSnapshot(Site& site, Call& call) {
  auto named = NameOf(site, call);
  if (!named) {
    co_await call.SendError(named.error());
    co_return;
  }
  const auto file = co_await site.workers->Run<std::shared_ptr<const Fd>>(
      [shelf = named->shelf, path = named->path]() -> Result<std::shared_ptr<const Fd>> {
        const auto found = shelf.store.FindSnapshot(shelf.FullName(path[0]), path[2]);
        if (!found) return Fail(found.error());
        return OpenFile(*found);
      });
  if (!file) {
    co_await call.SendError(file.error());
    co_return;
  }
  call.exchange.Start(call.HeadOfDownload());
  for (size_t at = 0;;) {
    const auto piece = co_await site.workers->Run<std::string>(
        [file = *file, at] { return ReadPiece(*file, at); });
    if (!piece) {
      call.exchange.Abort();
      co_return;
    }
    if (piece->empty()) break;
    at += piece->size();
    if (auto written = co_await call.exchange.Write(*piece); !written) co_return;
  }
  co_await call.exchange.End();
}

Task<void> QdrantSnapshotUpload(Site& site, Call& call) {
  auto named = NameOf(site, call);
  Result<std::string_view> content;
  Result<std::string> checksum;
  auto body = std::make_shared<const std::string>(std::move(call.exchange.request().body));
  if (!named) {
    content = Fail(named.error());
  } else if (auto ok = qdrant::CheckName(named->path[0]); !ok) {
    content = Fail(ok.error());
  } else if (checksum = ChecksumAsked(call); !checksum) {
    content = Fail(checksum.error());
  } else {
    content = FileOf(call.request().headers.Find("content-type").value_or(""), *body);
  }
  if (!content) {
    co_await call.SendError(content.error());
    co_return;
  }
  const MonotonicTime start = site.clock.Now();
  const auto recovered =
      co_await site.workers->Run<bool>([shelf = named->shelf, name = named->path[0], body,
                                        bytes = *content, checksum = *checksum]() -> Result<bool> {
        if (!checksum.empty()) {
          if (auto same = CheckHash(checksum, Sha256::Of(bytes)); !same) return Fail(same.error());
        }
        auto done = shelf.store.RecoverBytes(shelf.FullName(name), bytes);
        if (!done) return Fail(std::move(done.error()));
        return true;
      });
  if (!recovered) {
    co_await call.SendError(recovered.error());
    co_return;
  }
  co_await call.SendJson(200, qdrant::Envelope("true", site.clock.Now() - start));
}

}  // namespace weir::server
