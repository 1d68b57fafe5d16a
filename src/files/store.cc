#include "files/store.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "async/worker_pool.h"
#include "base/utf8.h"
#include "files/shelf.h"

namespace weir::files {
namespace {

constexpr size_t kWaitingMax = 256;  // each may hold a request's body

}  // namespace

struct Store::State {
  State(Shelf opened, const Executor& executor, const Clock& time)
      : clock(time), shelf(std::move(opened)), working(executor, 1, kWaitingMax) {}

  int64_t NowS() const { return UnixSeconds(clock.WallNow()); }

  const Clock& clock;
  Shelf shelf;  // the thread's
  WorkerPool working;
};

Result<std::unique_ptr<Store>> Store::Open(const std::filesystem::path& folder,
                                           const Executor& executor, const Clock& clock,
                                           const Limits& limits) {
  auto db = sqlite::Database::Open(folder / "files.db");
  if (!db) return Fail(db.error());
  auto contents = ContentFolder::Open(folder / "files");
  if (!contents) return Fail(contents.error());
  auto shelf =
      Shelf::Open(std::move(*db), std::move(*contents), limits, UnixSeconds(clock.WallNow()));
  if (!shelf) return Fail(shelf.error());
  return std::unique_ptr<Store>(
      new Store(std::make_unique<State>(std::move(*shelf), executor, clock)));
}

Store::Store(std::unique_ptr<State> state) : state_(std::move(state)) {}
Store::~Store() = default;

template <class T>
Task<Result<T>> Store::OnShelf(
    std::move_only_function<Result<T>(Shelf& shelf, int64_t now_s)> call) {
  State* state = state_.get();
  co_return co_await state->working.Run<T>(
      [state, call = std::move(call)]() mutable { return call(state->shelf, state->NowS()); });
}

Task<Result<FileInfo>> Store::Put(std::string tenant, FileToKeep given) {
  return OnShelf<FileInfo>(
      [tenant = std::move(tenant), given = std::move(given)](Shelf& shelf, int64_t now_s) {
        return shelf.Put(tenant, given, now_s);
      });
}

Task<Result<FileInfo>> Store::Find(std::string tenant, std::string id) {
  return OnShelf<FileInfo>(
      [tenant = std::move(tenant), id = std::move(id)](Shelf& shelf, int64_t now_s) {
        return shelf.Find(tenant, id, now_s);
      });
}

Task<Result<std::vector<FileInfo>>> Store::List(std::string tenant, ListQuery query) {
  return OnShelf<std::vector<FileInfo>>(
      [tenant = std::move(tenant), query = std::move(query)](Shelf& shelf, int64_t now_s) {
        return shelf.List(tenant, query, now_s);
      });
}

Task<Result<std::string>> Store::Read(std::string tenant, std::string id, int64_t offset,
                                      int64_t bytes) {
  return OnShelf<std::string>(
      [tenant = std::move(tenant), id = std::move(id), offset, bytes](Shelf& shelf, int64_t now_s) {
        return shelf.Read(tenant, id, offset, bytes, now_s);
      });
}

Task<Result<FileInfo>> Store::Remove(std::string tenant, std::string id) {
  return OnShelf<FileInfo>(
      [tenant = std::move(tenant), id = std::move(id)](Shelf& shelf, int64_t now_s) {
        return shelf.Remove(tenant, id, now_s);
      });
}

Task<Result<UploadInfo>> Store::BeginUpload(std::string tenant, UploadToBegin asked) {
  return OnShelf<UploadInfo>(
      [tenant = std::move(tenant), asked = std::move(asked)](Shelf& shelf, int64_t now_s) {
        return shelf.BeginUpload(tenant, asked, now_s);
      });
}

Task<Result<PartInfo>> Store::AddPart(std::string tenant, PartToKeep part) {
  return OnShelf<PartInfo>(
      [tenant = std::move(tenant), part = std::move(part)](Shelf& shelf, int64_t now_s) {
        return shelf.AddPart(tenant, part, now_s);
      });
}

Task<Result<UploadInfo>> Store::CompleteUpload(std::string tenant, UploadToComplete asked) {
  return OnShelf<UploadInfo>(
      [tenant = std::move(tenant), asked = std::move(asked)](Shelf& shelf, int64_t now_s) {
        return shelf.CompleteUpload(tenant, asked, now_s);
      });
}

Task<Result<UploadInfo>> Store::CancelUpload(std::string tenant, std::string id) {
  return OnShelf<UploadInfo>(
      [tenant = std::move(tenant), id = std::move(id)](Shelf& shelf, int64_t now_s) {
        return shelf.CancelUpload(tenant, id, now_s);
      });
}

Result<void> CheckFileName(std::string_view name) {
  const auto refuse = [](std::string_view what) {
    return Fail(Code::kInvalidArgument, fmt::format("the file's name {}", what), "file",
                "invalid_value");
  };
  if (name.empty()) return refuse("is empty");
  if (name.size() > Limits::kNameBytes) {
    return refuse(fmt::format("has {} bytes; the most is {}", name.size(), Limits::kNameBytes));
  }
  if (!IsValidUtf8(name)) return refuse("is no UTF-8");
  const bool control = std::ranges::any_of(
      name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
  if (control) return refuse("holds control characters");
  return {};
}

}  // namespace weir::files
