// Reads the long texts of requests on a thread of its own, before the requests are labelled:
// detectors take 8 ms for a megabyte of prose and over 100 for one of digits, and meanwhile the I/O
// thread's streams go on. One text after the other, in the order in which the requests came.
//
// I/O thread only, whose Loop outlives it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "async/task.h"
#include "base/result.h"
#include "privacy/request_scanner.h"

namespace weir::privacy {

class ScanThread {
 public:
  static constexpr size_t kAtOnceMax = size_t{32} << 10;  // bytes that are read where they are
  static constexpr size_t kWaitingMax = 64;               // requests; more are refused

  explicit ScanThread(Executor executor);
  ~ScanThread();  // waits for the text that is being read; what waits fails with kUnavailable
  ScanThread(const ScanThread&) = delete;
  ScanThread& operator=(const ScanThread&) = delete;

  // What is found in the texts. Errors: kUnavailable, reason scanner_busy; kCancelled.
  Task<Result<std::vector<RequestScanner::Read>>> Read(std::shared_ptr<const Detector> detector,
                                                       std::vector<RequestScanner::Unread> unread);

  // The findings in each of the texts themselves, for whoever asked about them. Errors as Read's.
  Task<Result<std::vector<std::vector<Finding>>>> Find(
      std::shared_ptr<const Detector> detector,
      std::shared_ptr<const std::vector<std::string>> texts);

  // Has a request read, if it is long; then RequestScanner::Scan finds the verdicts. The scanner is
  // asked for twice, since a reload may have put another one in its place meanwhile. The request
  // lives as long as the Task.
  template <class Request, class CurrentScanner>
  Task<Result<void>> ReadAhead(CurrentScanner current, const Request& request) {
    if (BytesOf(request) <= kAtOnceMax) co_return Result<void>();
    auto unread = current().UnreadOf(request);
    if (BytesOf(unread) <= kAtOnceMax) co_return Result<void>();
    auto read = co_await Read(current().detector(), std::move(unread));
    if (!read) co_return Fail(read.error());
    current().Learn(std::move(*read));
    co_return Result<void>();
  }

 private:
  struct State;
  using Work = std::move_only_function<void(const std::atomic<bool>& ending)>;

  Task<Result<void>> Do(Work work);
  // of_one(item) for each of the items, on the thread.
  template <class T, class Items, class OfOne>
  Task<Result<std::vector<T>>> OfEach(std::shared_ptr<const Items> items, OfOne of_one);

  template <class Request>
  static size_t BytesOf(const Request& request) {
    size_t bytes = 0;
    VisitTexts(request, [&](const TextPlace&, std::string_view text) { bytes += text.size(); });
    return bytes;
  }
  static size_t BytesOf(const std::vector<RequestScanner::Unread>& unread) {
    size_t bytes = 0;
    for (const RequestScanner::Unread& one : unread) bytes += one.text.size();
    return bytes;
  }

  std::unique_ptr<State> state_;
};

}  // namespace weir::privacy
