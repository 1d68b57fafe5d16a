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

Task<Result<FileInfo>> Store::Put(std::string tenant, Upload upload) {
  State* state = state_.get();
  co_return co_await state->working.Run<FileInfo>(
      [state, tenant = std::move(tenant), upload = std::move(upload)] {
        return state->shelf.Put(tenant, upload, state->NowS());
      });
}

Task<Result<FileInfo>> Store::Find(std::string tenant, std::string id) {
  State* state = state_.get();
  co_return co_await state->working.Run<FileInfo>(
      [state, tenant = std::move(tenant), id = std::move(id)] {
        return state->shelf.Find(tenant, id, state->NowS());
      });
}

Task<Result<std::vector<FileInfo>>> Store::List(std::string tenant, ListQuery query) {
  State* state = state_.get();
  co_return co_await state->working.Run<std::vector<FileInfo>>(
      [state, tenant = std::move(tenant), query = std::move(query)] {
        return state->shelf.List(tenant, query, state->NowS());
      });
}

Task<Result<std::string>> Store::Read(std::string tenant, std::string id) {
  State* state = state_.get();
  co_return co_await state->working.Run<std::string>(
      [state, tenant = std::move(tenant), id = std::move(id)] {
        return state->shelf.Read(tenant, id, state->NowS());
      });
}

Task<Result<FileInfo>> Store::Remove(std::string tenant, std::string id) {
  State* state = state_.get();
  co_return co_await state->working.Run<FileInfo>(
      [state, tenant = std::move(tenant), id = std::move(id)] {
        return state->shelf.Remove(tenant, id, state->NowS());
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
