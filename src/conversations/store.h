// Answers that clients may refer back to by id, and the conversations that they make: what
// OpenAI's Responses API keeps. In conversations.db in the data folder, readable by its owner only.
//
// An answer belongs to the tenant and the key that asked for it. For everybody else it is not
// there: foreign and unknown ids cannot be told apart. It knows no dialect: bodies and items are
// text.
//
// Bounded: what was used longest ago goes when an owner, or all together, have too much
// (Limits); what was not used for `retention` goes at a start and now and then. Going on with an
// answer, or reading it, uses the whole conversation before it.
//
// Calls come from one thread (the gateway's I/O thread), whose coroutines wait; a thread of its own
// reads and writes. A Put that returned is on the disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "async/task.h"
#include "base/clock.h"
#include "base/result.h"

namespace weir::conversations {

struct Owner {
  std::string tenant = {};
  std::string key_id = {};

  bool operator==(const Owner&) const = default;
};

struct Item {
  std::string id = {};
  std::string text = {};

  bool operator==(const Item&) const = default;
};

struct Answer {
  std::string id = {};
  std::string previous_id = {};  // empty: a new conversation
  std::string body = {};         // as the client got it
  std::vector<Item> input = {};
  std::vector<Item> output = {};
};

// What is kept, and for how long.
struct Limits {
  int64_t answers_max = 100'000;  // of one owner
  int64_t owner_bytes_max = int64_t{1} << 30;
  int64_t bytes_max = int64_t{4} << 30;  // of all owners together
  size_t turns_max = 2048;               // of one conversation
  int64_t conversation_bytes_max = int64_t{64} << 20;
  Duration retention = std::chrono::hours(24 * 30);
};

class Store {
 public:
  static constexpr size_t kWaitingMax = 4096;  // calls that the thread has not taken yet

  // `folder` must exist.
  static Result<std::unique_ptr<Store>> Open(const std::filesystem::path& folder,
                                             const Executor& executor, const Clock& clock,
                                             const Limits& limits = {});
  ~Store();  // finishes what waits
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // kNotFound when the previous answer has gone meanwhile; kUnprocessable beyond turns_max and
  // conversation_bytes_max; kUnavailable when it cannot be written.
  Task<Result<void>> Put(Owner owner, Answer answer);
  Task<Result<std::string>> Body(Owner owner, std::string id);
  // Everything that was said up to this answer's input, and with `output` the answer too; oldest
  // first. kNotFound also when an earlier answer of the conversation was removed.
  Task<Result<std::vector<Item>>> History(Owner owner, std::string id, bool output);
  // Those of the items that are the owner's, in any order.
  Task<Result<std::vector<Item>>> Find(Owner owner, std::vector<std::string> item_ids);
  Task<Result<void>> Remove(Owner owner, std::string id);

 private:
  struct State;
  explicit Store(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace weir::conversations
