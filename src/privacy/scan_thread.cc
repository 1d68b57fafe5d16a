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

struct Job {
  std::move_only_function<void(const std::atomic<bool>& ending)> work = {};
  std::function<void()> done = {};
};

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

template <class T, class Items, class OfOne>
Task<Result<std::vector<T>>> ScanThread::OfEach(std::shared_ptr<const Items> items, OfOne of_one) {
  // Written by the thread until its job is done; stays empty when the thread ends first.
  const auto found = std::make_shared<std::optional<std::vector<T>>>();
  const auto done = co_await Do([items = std::move(items), of_one = std::move(of_one),
                                 found](const std::atomic<bool>& ending) {
    std::vector<T> all;
    for (const auto& one : *items) {
      if (ending) return;
      all.push_back(of_one(one));
    }
    *found = std::move(all);
  });
  if (!done) co_return Fail(done.error());
  if (!*found) co_return Fail(Code::kUnavailable, "the server is shutting down");
  co_return std::move(**found);
}

Task<Result<std::vector<RequestScanner::Read>>> ScanThread::Read(
    std::shared_ptr<const Detector> detector, std::vector<RequestScanner::Unread> unread) {
  using Texts = std::vector<RequestScanner::Unread>;
  return OfEach<RequestScanner::Read>(
      std::make_shared<const Texts>(std::move(unread)),
      [detector = std::move(detector)](const RequestScanner::Unread& one) {
        return RequestScanner::Read{one.key, RequestScanner::DetectIn(*detector, one.text)};
      });
}

Task<Result<std::vector<std::vector<Finding>>>> ScanThread::Find(
    std::shared_ptr<const Detector> detector,
    std::shared_ptr<const std::vector<std::string>> texts) {
  return OfEach<std::vector<Finding>>(
      std::move(texts),
      [detector = std::move(detector)](const std::string& text) { return detector->Find(text); });
}

}  // namespace weir::privacy
