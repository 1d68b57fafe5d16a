#include "dialects/chroma/patterns.h"

#include <fmt/format.h>
#include <re2/re2.h>
#include <time.h>

#include <atomic>
#include <utility>

namespace weir::chroma {
namespace {

using std::chrono::nanoseconds;

// Of this thread alone: a machine that is busy with others makes no pattern slow.
nanoseconds SpentHere() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + nanoseconds(now.tv_nsec);
}

std::unexpected<Error> Refused(const std::string& path, const std::string& what,
                               std::string reason) {
  return Fail(Code::kInvalidArgument, path + " " + what, path, std::move(reason));
}

// What is wrong with it, without its own text.
std::string WhatIsWrong(const re2::RE2& expression) {
  std::string words = expression.error();
  const std::string own = ": " + expression.error_arg();
  if (words.ends_with(own)) words.resize(words.size() - own.size());
  return words;
}

}  // namespace

struct Patterns::Time {
  nanoseconds most;
  std::atomic<int64_t> spent_ns = 0;

  bool over() const { return spent_ns.load(std::memory_order_relaxed) > most.count(); }
};

Patterns::Patterns(nanoseconds time_most) : time_(std::make_shared<Time>(time_most)) {}

Result<Patterns::Test> Patterns::Add(std::string_view pattern, const std::string& path) {
  if (pattern.empty() || pattern.size() > kBytesMax) {
    return Refused(path, fmt::format("must be a string of 1 to {} bytes", kBytesMax),
                   "invalid_value");
  }
  if (++count_ > kCountMax) {
    return Refused(path, fmt::format("is one too many: a request has at most {}", kCountMax),
                   "filter_too_large");
  }
  // Enough for an automaton of any program that is allowed.
  constexpr int64_t kMemory = int64_t{4} << 20;
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMemory);
  const auto expression =
      std::make_shared<const re2::RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
  const auto too_large = [&] {
    return Refused(path,
                   fmt::format("describes too much: it takes more than {} instructions of RE2",
                               kInstructionsMax),
                   "regex_too_large");
  };
  if (expression->error_code() == re2::RE2::ErrorPatternTooLarge) return too_large();
  if (!expression->ok()) {
    return Refused(path, "is no regular expression of RE2: " + WhatIsWrong(*expression),
                   "invalid_regex");
  }
  if (expression->ProgramSize() > kInstructionsMax) return too_large();
  return [expression, time = time_, path](std::string_view text) -> Result<bool> {
    if (text.empty()) return false;
    if (time->over()) {
      return Refused(path,
                     fmt::format("took too long: regular expressions may take {} s of one request; "
                                 "look at fewer documents with where, or for something simpler",
                                 std::chrono::duration<double>(time->most).count()),
                     "regex_too_slow");
    }
    const nanoseconds start = SpentHere();
    const bool found = expression->Match({text.data(), text.size()}, 0, text.size(),
                                         re2::RE2::UNANCHORED, nullptr, 0);
    time->spent_ns.fetch_add((SpentHere() - start).count(), std::memory_order_relaxed);
    return found;
  };
}

}  // namespace weir::chroma
