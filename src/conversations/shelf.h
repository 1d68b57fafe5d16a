// The tables behind Store: plain calls on the thread that owns the file.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conversations/store.h"
#include "sqlite/database.h"

namespace weir::conversations {

class Shelf {
 public:
  // Brings the tables up and forgets what was not used for too long.
  static Result<Shelf> Open(sqlite::Database db, const Limits& limits, int64_t now_s);

  Result<void> Put(const Owner& owner, const Answer& answer, int64_t now_s);
  Result<std::string> Body(const Owner& owner, std::string_view id, int64_t now_s);
  Result<std::vector<Item>> History(const Owner& owner, std::string_view id, bool output,
                                    int64_t now_s);
  Result<std::vector<Item>> Find(const Owner& owner, std::span<const std::string> item_ids);
  Result<void> Remove(const Owner& owner, std::string_view id);

  int64_t bytes() const { return all_.bytes; }  // of all answers

 private:
  struct Turn {
    int64_t number = 0;
    std::optional<int64_t> previous = {};
    int64_t bytes = 0;
  };

  struct Held {
    int64_t answers = 0;
    int64_t bytes = 0;
  };

  Shelf(sqlite::Database db, const Limits& limits) : db_(std::move(db)), limits_(limits) {}

  Result<std::optional<Turn>> FindTurn(const Owner& owner, std::string_view id);
  // The conversation up to `last`, newest first.
  Result<std::vector<Turn>> Chain(const Owner& owner, const Turn& last);
  Result<void> Touch(std::span<const Turn> chain, int64_t now_s);
  Result<void> Forget(int64_t now_s);
  // Removes what was used longest ago until there is room.
  Result<void> MakeRoom(const Owner& owner, int64_t bytes);
  Result<bool> RemoveOldest(const Owner* owner);
  Result<void> RemoveTurn(const Owner& owner, int64_t number, int64_t bytes);
  Result<void> PutAtOnce(const Owner& owner, const Answer& answer, int64_t bytes, int64_t now_s);
  Held& HeldBy(const Owner& owner) { return held_[{owner.tenant, owner.key_id}]; }
  Result<void> Count();

  sqlite::Database db_;
  Limits limits_;
  Held all_ = {};
  std::map<std::pair<std::string, std::string>, Held> held_ = {};  // by owner
  int64_t forgotten_at_s_ = 0;
};

}  // namespace weir::conversations
