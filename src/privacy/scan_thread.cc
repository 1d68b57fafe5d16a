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
  std::move_only_function<void(const std::atomic<bool>& ending)> work = {};
  std::function<void()> done = {};
};

// What `of_one` gives for each of `all`, or nothing when the thread ends first. Written by the
// thread until its job is done.
template <class T, class Items, class OfOne>
void DoAll(const Items& all, const std::atomic<bool>& ending,
           const std::shared_ptr<std::optional<std::vector<T>>>& into, const OfOne& of_one) {
  std::vector<T> found;
  for (const auto& one : all) {
    if (ending) return;
    found.push_back(of_one(one));
  }
  *into = std::move(found);
}

}  // namespace

struct ScanThread::State {
  explicit State(Executor on) : executor(std::move(on)) {}

  void ReadUntilClosed() {
    while (std::optional<Job> job = waiting.Pop()) {
      job->work(ending);
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

Task<Result<void>> ScanThread::Do(Work work) {
  Event done(state_->executor);
  const Result<void> pushed =
      state_->waiting.Push({.work = std::move(work), .done = done.Setter()});
  if (!pushed) {
    Error busy{Code::kUnavailable,
               "too many long requests wait to be looked through; try again",
               {},
               "scanner_busy"};
    busy.retry_after_s = 1;
    co_return Fail(std::move(busy));
  }
  co_return co_await done.Wait();
}

Task<Result<Found>> ScanThread::Read(std::shared_ptr<const Detector> detector,
                                     std::shared_ptr<const void> owner,
                                     std::vector<RequestScanner::Unread> unread) {
  const auto found = std::make_shared<std::optional<Found>>();
  const auto done =
      co_await Do([detector = std::move(detector), owner = std::move(owner),
                   unread = std::move(unread), found](const std::atomic<bool>& ending) {
        DoAll(unread, ending, found, [&](const RequestScanner::Unread& one) {
          return RequestScanner::Read{one.key, RequestScanner::DetectIn(*detector, one.text)};
        });
      });
  if (!done) co_return Fail(done.error());
  if (!*found) co_return Fail(Code::kUnavailable, "the server is shutting down");
  co_return std::move(**found);
}

Task<Result<std::vector<std::vector<Finding>>>> ScanThread::Find(
    std::shared_ptr<const Detector> detector,
    std::shared_ptr<const std::vector<std::string>> texts) {
  const auto found = std::make_shared<std::optional<std::vector<std::vector<Finding>>>>();
  const auto done = co_await Do([detector = std::move(detector), texts = std::move(texts),
                                 found](const std::atomic<bool>& ending) {
    DoAll(*texts, ending, found, [&](const std::string& text) { return detector->Find(text); });
  });
  if (!done) co_return Fail(done.error());
  if (!*found) co_return Fail(Code::kUnavailable, "the server is shutting down");
  co_return std::move(**found);
}

}  // namespace weir::privacy
