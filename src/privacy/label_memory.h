// Labels of what was said before: marks of messages and of conversation prefixes, with the highest
// label that they ever had, in memory and in labels.db. A request whose history, or a part of it,
// is known here has at least that label, also after a restart.
//
// Recall and Remember: one thread (the gateway's I/O thread), without waiting. A thread of its own
// writes, many requests in one transaction; a Written says when what was remembered is on the disk.
// Marks that no longer fit into memory are looked up in the file. What was not seen for kRetention
// is forgotten at a start.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "async/event.h"
#include "async/task.h"
#include "base/clock.h"
#include "base/result.h"
#include "chat/label.h"
#include "privacy/marks.h"

namespace weir::privacy {

// When something is durable. Copyable.
class Written {
 public:
  Written() = default;  // nothing to wait for
  // kUnavailable, reason label_not_durable, when it could not be written.
  Task<Result<void>> Wait() const;

 private:
  friend class LabelMemory;
  struct State;
  std::shared_ptr<State> state_ = {};
};

struct Recalled {
  std::optional<chat::Label> label = {};  // the join of everything that is known
  bool foreign_assistant = false;         // an assistant turn that nobody here wrote
  std::vector<Mark> marks = {};           // of what was asked about, to be remembered
};

class LabelMemory {
 public:
  static constexpr size_t kInMemoryMax = 1u << 20;  // marks; about 40 MiB when full
  static constexpr size_t kWaitingMax = 1u << 14;   // writes that the disk has not taken yet
  static constexpr Duration kRetention = std::chrono::hours(24 * 400);

  // `folder` holds labels.db.
  static Result<std::unique_ptr<LabelMemory>> Open(const std::filesystem::path& folder,
                                                   const Executor& executor, WallTime now);
  ~LabelMemory();  // writes what waits
  LabelMemory(const LabelMemory&) = delete;
  LabelMemory& operator=(const LabelMemory&) = delete;

  // An Error (the file cannot be read) means: the label is not known, so nothing may leave.
  Result<Recalled> Recall(std::string_view tenant, std::span<const chat::Message> messages);
  Result<Recalled> Recall(std::string_view tenant, std::span<const std::string> texts);

  // What Recall gave marks of.
  Written Remember(std::vector<Mark> marks, chat::Label label);
  // An answer that was given here, as later requests will carry it.
  Written RememberAnswer(std::string_view tenant, const std::string& text, chat::Label label);

 private:
  struct State;
  explicit LabelMemory(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace weir::privacy
