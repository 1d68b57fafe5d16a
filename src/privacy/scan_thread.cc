#include "privacy/scan_thread.h"

#include <atomic>
#include <functional>
#include <optional>
#include <thread>
#include <utility>

#include "async/channel.h"
#include "async/event.h"

namespace weir::privacy {
namespace {

using Found = std::vector<RequestScanner::Read>;

struct Job {
  std::shared_ptr<const Detector> detector = {};
  std::shared_ptr<const void> owner = {};
  std::vector<RequestScanner::Unread> unread = {};
  // The thread's until it says `done`; nothing in it when the thread ended first.
  std::shared_ptr<std::optional<Found>> found = {};
  std::function<void()> done = {};
};

}  // namespace

struct ScanThread::State {
  explicit State(Executor on) : executor(std::move(on)) {}

  void ReadUntilClosed() {
    while (std::optional<Job> job = waiting.Pop()) {
      Found found;
      for (const RequestScanner::Unread& one : job->unread) {
        if (ending) break;
        found.push_back({one.key, RequestScanner::DetectIn(*job->detector, one.text)});
      }
      if (found.size() == job->unread.size()) *job->found = std::move(found);
      job->done();
    }
  }

  Executor executor;
  Channel<Job> waiting{kWaitingMax};
  std::atomic<bool> ending = false;
  std::thread thread = {};
};

ScanThread::ScanThread(Executor executor) : state_(std::make_unique<State>(std::move(executor))) {
  state_->thread = std::thread([state = state_.get()] { state->ReadUntilClosed(); });
}

ScanThread::~ScanThread() {
  state_->ending = true;
  state_->waiting.Close();
  state_->thread.join();
}

Task<Result<Found>> ScanThread::Read(std::shared_ptr<const Detector> detector,
                                     std::shared_ptr<const void> owner,
                                     std::vector<RequestScanner::Unread> unread) {
  Event done(state_->executor);
  const auto found = std::make_shared<std::optional<Found>>();
  const Result<void> pushed = state_->waiting.Push({.detector = std::move(detector),
                                                    .owner = std::move(owner),
                                                    .unread = std::move(unread),
                                                    .found = found,
                                                    .done = done.Setter()});
  if (!pushed) {
    Error busy{Code::kUnavailable,
               "too many long requests wait to be looked through; try again",
               {},
               "scanner_busy"};
    busy.retry_after_s = 1;
    co_return Fail(std::move(busy));
  }
  if (auto waited = co_await done.Wait(); !waited) co_return Fail(waited.error());
  if (!*found) co_return Fail(Code::kUnavailable, "the server is shutting down");
  co_return std::move(**found);
}

}  // namespace weir::privacy
