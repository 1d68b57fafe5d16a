#include "conversations/shelf.h"

#include <fmt/format.h>

#include <utility>

#include "sqlite/migrations.h"
#include "sqlite/rows.h"

namespace weir::conversations {
namespace {

// `previous` may name an answer that is gone: then the conversation cannot be gone on with.
constexpr sqlite::Migration kSteps[] = {
    {"CREATE TABLE answer (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
     " tenant TEXT NOT NULL, key_id TEXT NOT NULL, previous INTEGER, used INTEGER NOT NULL,"
     " bytes INTEGER NOT NULL, body TEXT NOT NULL);"
     "CREATE INDEX answer_used ON answer (used);"
     "CREATE INDEX answer_owner ON answer (tenant, key_id, used);"
     "CREATE TABLE item (answer INTEGER NOT NULL REFERENCES answer (number) ON DELETE CASCADE,"
     " position INTEGER NOT NULL, output INTEGER NOT NULL, id TEXT NOT NULL, text TEXT NOT NULL,"
     " PRIMARY KEY (answer, position)) WITHOUT ROWID;"
     "CREATE INDEX item_id ON item (id);"},
};

constexpr int64_t kForgetEveryS = 3600;
constexpr int64_t kForgetAtOnce = 1000;

std::unexpected<Error> NotThere() {
  return Fail(Code::kNotFound, "there is no such answer here", "", "response_not_found");
}

int64_t BytesOf(const Answer& answer) {
  size_t bytes = answer.id.size() + answer.body.size();
  for (const auto* items : {&answer.input, &answer.output}) {
    for (const Item& item : *items) bytes += item.id.size() + item.text.size();
  }
  return static_cast<int64_t>(bytes);
}

}  // namespace

Result<Shelf> Shelf::Open(sqlite::Database db, const Limits& limits, int64_t now_s) {
  if (auto migrated = sqlite::Migrate(db, "conversations", kSteps); !migrated)
    return Fail(migrated.error());
  Shelf shelf(std::move(db), limits);
  if (auto forgotten = shelf.Forget(now_s); !forgotten) return Fail(forgotten.error());
  if (auto counted = shelf.Count(); !counted) return Fail(counted.error());
  return shelf;
}

Result<void> Shelf::Count() {
  held_.clear();
  all_ = {};
  return sqlite::EachRow(
      db_, "SELECT tenant, key_id, count(*), sum(bytes) FROM answer GROUP BY tenant, key_id",
      [&](const sqlite::Statement& row) {
        const Held held = {.answers = row.Int(2), .bytes = row.Int(3)};
        held_[{std::string(row.Text(0)), std::string(row.Text(1))}] = held;
        all_.answers += held.answers;
        all_.bytes += held.bytes;
      });
}

// A bounded number at once: it runs between the calls of clients.
Result<void> Shelf::Forget(int64_t now_s) {
  if (now_s - forgotten_at_s_ < kForgetEveryS) return {};
  forgotten_at_s_ = now_s;
  const int64_t kept_s =
      std::chrono::duration_cast<std::chrono::seconds>(limits_.retention).count();
  auto remove = db_.Prepare(
      "DELETE FROM answer WHERE number IN (SELECT number FROM answer WHERE used < ?1 LIMIT ?2)");
  if (!remove) return Fail(remove.error());
  do {
    remove->Bind(now_s - kept_s, kForgetAtOnce);
    if (auto run = remove->Run(); !run) return run;
  } while (db_.Changes() == kForgetAtOnce);
  return Count();
}

Result<std::optional<Shelf::Turn>> Shelf::FindTurn(const Owner& owner, std::string_view id) {
  return sqlite::FirstOf(
      db_,
      "SELECT number, previous, bytes FROM answer WHERE id = ?1 AND tenant = ?2 AND key_id = ?3",
      [](const sqlite::Statement& row) { return Turn{row.Int(0), row.OptionalInt(1), row.Int(2)}; },
      id, owner.tenant, owner.key_id);
}

Result<std::vector<Shelf::Turn>> Shelf::Chain(const Owner& owner, const Turn& last) {
  auto select = db_.Prepare(
      "SELECT number, previous, bytes FROM answer WHERE number = ?1 AND tenant = ?2 AND key_id = "
      "?3");
  if (!select) return Fail(select.error());
  std::vector<Turn> chain = {last};
  int64_t bytes = last.bytes;
  while (chain.back().previous) {
    select->Bind(*chain.back().previous, owner.tenant, owner.key_id);
    auto row = select->Step();
    if (!row) return Fail(row.error());
    if (!*row) return NotThere();
    chain.push_back({select->Int(0), select->OptionalInt(1), select->Int(2)});
    bytes += chain.back().bytes;
    if (chain.size() > limits_.turns_max || bytes > limits_.conversation_bytes_max) {
      return Fail(Code::kUnprocessable,
                  fmt::format("the conversation is over {} turns or {} bytes; begin a new one",
                              limits_.turns_max, limits_.conversation_bytes_max),
                  "", "conversation_too_long");
    }
  }
  return chain;
}

Result<void> Shelf::Touch(std::span<const Turn> chain, int64_t now_s) {
  auto update = db_.Prepare("UPDATE answer SET used = ?2 WHERE number = ?1 AND used < ?2");
  if (!update) return Fail(update.error());
  for (const Turn& turn : chain) {
    update->Bind(turn.number, now_s);
    if (auto run = update->Run(); !run) return run;
  }
  return {};
}

Result<void> Shelf::RemoveTurn(const Owner& owner, int64_t number, int64_t bytes) {
  auto removed = sqlite::Run(db_, "DELETE FROM answer WHERE number = ?1", number);
  if (!removed) return removed;
  for (Held* held : {&all_, &HeldBy(owner)}) {
    --held->answers;
    held->bytes -= bytes;
  }
  return {};
}

Result<bool> Shelf::RemoveOldest(const Owner* owner) {
  auto select =
      owner != nullptr
          ? db_.Prepare(
                "SELECT number, bytes, tenant, key_id FROM answer WHERE tenant = ?1 AND key_id = "
                "?2 ORDER BY used, number LIMIT 1")
          : db_.Prepare(
                "SELECT number, bytes, tenant, key_id FROM answer ORDER BY used, number LIMIT 1");
  if (!select) return Fail(select.error());
  if (owner != nullptr) select->Bind(owner->tenant, owner->key_id);
  auto row = select->Step();
  if (!row) return Fail(row.error());
  if (!*row) return false;
  const int64_t number = select->Int(0);
  const int64_t bytes = select->Int(1);
  const Owner of = {std::string(select->Text(2)), std::string(select->Text(3))};
  select->Reset();
  if (auto removed = RemoveTurn(of, number, bytes); !removed) return Fail(removed.error());
  return true;
}

Result<void> Shelf::MakeRoom(const Owner& owner, int64_t bytes) {
  for (;;) {
    const Held& own = HeldBy(owner);
    const bool full =
        own.answers >= limits_.answers_max || own.bytes + bytes > limits_.owner_bytes_max;
    if (!full && all_.bytes + bytes <= limits_.bytes_max) return {};
    auto removed = RemoveOldest(full ? &owner : nullptr);
    if (!removed) return Fail(removed.error());
    if (!*removed) return {};
  }
}

Result<void> Shelf::Put(const Owner& owner, const Answer& answer, int64_t now_s) {
  const int64_t bytes = BytesOf(answer);
  if (bytes > limits_.conversation_bytes_max) {
    return Fail(Code::kUnprocessable,
                fmt::format("an answer and its input of {} bytes are not kept; the most is {}",
                            bytes, limits_.conversation_bytes_max),
                "", "conversation_too_long");
  }
  if (auto forgotten = Forget(now_s); !forgotten) return forgotten;
  auto done = PutAtOnce(owner, answer, bytes, now_s);
  if (done) return done;
  // What was removed to make room is there again.
  if (auto counted = Count(); !counted) return counted;
  return done;
}

Result<void> Shelf::PutAtOnce(const Owner& owner, const Answer& answer, int64_t bytes,
                              int64_t now_s) {
  auto transaction = sqlite::Transaction::Begin(db_);
  if (!transaction) return Fail(transaction.error());
  std::optional<int64_t> previous;
  if (!answer.previous_id.empty()) {
    auto turn = FindTurn(owner, answer.previous_id);
    if (!turn) return Fail(turn.error());
    if (!*turn) return NotThere();
    auto chain = Chain(owner, **turn);
    if (!chain) return Fail(chain.error());
    if (auto touched = Touch(*chain, now_s); !touched) return touched;
    previous = (*turn)->number;
  }
  if (auto room = MakeRoom(owner, bytes); !room) return room;
  auto insert = db_.Prepare(
      "INSERT INTO answer (id, tenant, key_id, previous, used, bytes, body) VALUES (?1, ?2, ?3, "
      "?4, ?5, ?6, ?7)");
  if (!insert) return Fail(insert.error());
  insert->Bind(answer.id, owner.tenant, owner.key_id, previous, now_s, bytes, answer.body);
  if (auto run = insert->Run(); !run) return run;
  const int64_t number = db_.LastInsertId();
  auto add = db_.Prepare(
      "INSERT INTO item (answer, position, output, id, text) VALUES (?1, ?2, ?3, ?4, ?5)");
  if (!add) return Fail(add.error());
  int64_t position = 0;
  for (const auto* items : {&answer.input, &answer.output}) {
    for (const Item& item : *items) {
      add->Bind(number, position++, items == &answer.output, item.id, item.text);
      if (auto run = add->Run(); !run) return run;
    }
  }
  if (auto committed = transaction->Commit(); !committed) return committed;
  for (Held* held : {&all_, &HeldBy(owner)}) {
    ++held->answers;
    held->bytes += bytes;
  }
  return {};
}

Result<std::string> Shelf::Body(const Owner& owner, std::string_view id, int64_t now_s) {
  auto turn = FindTurn(owner, id);
  if (!turn) return Fail(turn.error());
  if (!*turn) return NotThere();
  if (auto touched = Touch(std::span(&**turn, 1), now_s); !touched) return Fail(touched.error());
  auto body = sqlite::FirstOf(
      db_, "SELECT body FROM answer WHERE number = ?1",
      [](const sqlite::Statement& row) { return std::string(row.Text(0)); }, (*turn)->number);
  if (!body) return Fail(body.error());
  if (!*body) return NotThere();
  return std::move(**body);
}

Result<std::vector<Item>> Shelf::History(const Owner& owner, std::string_view id, bool output,
                                         int64_t now_s) {
  auto turn = FindTurn(owner, id);
  if (!turn) return Fail(turn.error());
  if (!*turn) return NotThere();
  auto chain = Chain(owner, **turn);
  if (!chain) return Fail(chain.error());
  {
    auto transaction = sqlite::Transaction::Begin(db_);
    if (!transaction) return Fail(transaction.error());
    if (auto touched = Touch(*chain, now_s); !touched) return Fail(touched.error());
    if (auto committed = transaction->Commit(); !committed) return Fail(committed.error());
  }
  auto select =
      db_.Prepare("SELECT id, text, output FROM item WHERE answer = ?1 ORDER BY position");
  if (!select) return Fail(select.error());
  std::vector<Item> items;
  for (size_t i = chain->size(); i-- > 0;) {
    select->Bind((*chain)[i].number);
    for (;;) {
      auto row = select->Step();
      if (!row) return Fail(row.error());
      if (!*row) break;
      const bool own_answer = i == 0 && select->Int(2) != 0;
      if (own_answer && !output) continue;
      items.push_back({std::string(select->Text(0)), std::string(select->Text(1))});
    }
  }
  return items;
}

Result<std::vector<Item>> Shelf::Find(const Owner& owner, std::span<const std::string> item_ids) {
  auto select = db_.Prepare(
      "SELECT item.text FROM item JOIN answer ON answer.number = item.answer WHERE item.id = ?1 "
      "AND tenant = ?2 AND key_id = ?3 LIMIT 1");
  if (!select) return Fail(select.error());
  std::vector<Item> items;
  for (const std::string& id : item_ids) {
    select->Bind(id, owner.tenant, owner.key_id);
    auto row = select->Step();
    if (!row) return Fail(row.error());
    if (*row) items.push_back({id, std::string(select->Text(0))});
    select->Reset();
  }
  return items;
}

Result<void> Shelf::Remove(const Owner& owner, std::string_view id) {
  auto turn = FindTurn(owner, id);
  if (!turn) return Fail(turn.error());
  if (!*turn) return NotThere();
  return RemoveTurn(owner, (*turn)->number, (*turn)->bytes);
}

}  // namespace weir::conversations
