#include "privacy/label_memory.h"

#include <atomic>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "async/channel.h"
#include "base/log.h"
#include "base/random.h"
#include "sqlite/database.h"
#include "sqlite/migrations.h"

namespace weir::privacy {
namespace {

constexpr sqlite::Migration kSteps[] = {
    {"CREATE TABLE label_secret (id INTEGER PRIMARY KEY CHECK (id = 1), secret BLOB NOT NULL);"
     "CREATE TABLE label_mark (mark BLOB PRIMARY KEY, label INTEGER NOT NULL, seen INTEGER NOT "
     "NULL)"
     " WITHOUT ROWID;"
     "CREATE INDEX label_mark_seen ON label_mark (seen);"},
    // Marks were of another kind (BLAKE2b, each text read twice): nothing is known again by those.
    {"DELETE FROM label_mark;"},
};
constexpr int64_t kFileBytesMax = int64_t{4} << 30;
constexpr size_t kBatchesAtOnce = 1024;  // in one transaction

std::span<const std::byte> BytesOf(const Mark& mark) { return mark.bytes; }

std::optional<chat::Label> LabelOf(int64_t stored) {
  if (stored < 0 || stored > static_cast<int64_t>(chat::Label::kUnscanned)) return std::nullopt;
  return static_cast<chat::Label>(stored);
}

Result<std::string> ReadOrMakeSecret(sqlite::Database& db) {
  auto select = db.Prepare("SELECT secret FROM label_secret WHERE id = 1");
  if (!select) return Fail(select.error());
  auto row = select->Step();
  if (!row) return Fail(row.error());
  if (*row) {
    const auto blob = select->Blob(0);
    if (blob.size() != kSecretBytes) {
      return Fail(Code::kInternal, "labels.db holds no good secret", "", "storage_damaged");
    }
    return std::string(reinterpret_cast<const char*>(blob.data()), blob.size());
  }
  std::string secret(kSecretBytes, '\0');
  FillRandom(std::as_writable_bytes(std::span(secret)));
  auto insert = db.Prepare("INSERT INTO label_secret (id, secret) VALUES (1, ?1)");
  if (!insert) return Fail(insert.error());
  insert->Bind(std::as_bytes(std::span<const char>(secret)));
  if (auto run = insert->Run(); !run) return Fail(run.error());
  return secret;
}

}  // namespace

struct Written::State {
  explicit State(const Executor& executor) : done(executor), set_done(done.Setter()) {}
  Event done;
  std::function<void()> set_done;
  std::atomic<bool> failed = false;
};

Task<Result<void>> Written::Wait() const {
  const auto state = state_;
  if (!state) co_return Result<void>();
  if (auto done = co_await state->done.Wait(); !done) co_return done;
  if (state->failed) {
    co_return Fail(Code::kUnavailable, "the label of this request could not be stored", "",
                   "label_not_durable");
  }
  co_return Result<void>();
}

struct LabelMemory::State {
  struct Batch {
    std::vector<Mark> marks = {};
    chat::Label label = chat::Label::kPublic;
    std::shared_ptr<Written::State> written = {};
  };

  State(const Executor& on, sqlite::Database reading, sqlite::Database writing, int64_t today)
      : executor(on),
        reader(std::move(reading)),
        writer(std::move(writing)),
        day(today),
        waiting(kWaitingMax) {}

  Executor executor;
  sqlite::Database reader;  // the I/O thread's
  sqlite::Database writer;  // the writing thread's, once that runs
  std::string secret = {};
  int64_t day = 0;
  std::unordered_map<Mark, chat::Label, MarkHash> known = {};
  bool all_in_memory = true;
  Channel<Batch> waiting;
  std::shared_ptr<Written::State> latest = {};
  // Something that `known` holds is not in the file: then everything is written again.
  std::atomic<bool> behind = false;
  std::atomic<bool> dropped = false;  // for good: it never reached the writer
  std::thread thread = {};

  Result<void> Load();
  Result<std::optional<chat::Label>> Find(const Mark& mark);
  Result<void> JoinFound(std::span<const Mark> marks, std::optional<chat::Label>& label);
  Written Put(std::vector<Mark> marks, chat::Label label);
  void WriteUntilClosed();
  Result<void> Write(std::span<const Batch> batches);
};

Result<void> LabelMemory::State::Load() {
  auto select = reader.Prepare("SELECT mark, label FROM label_mark ORDER BY seen DESC LIMIT ?1");
  if (!select) return Fail(select.error());
  select->Bind(static_cast<int64_t>(kInMemoryMax / 2));
  for (;;) {
    auto row = select->Step();
    if (!row) return Fail(row.error());
    if (!*row) break;
    Mark mark;
    const auto blob = select->Blob(0);
    const auto label = LabelOf(select->Int(1));
    if (blob.size() != mark.bytes.size() || !label) {
      return Fail(Code::kInternal, "labels.db holds a mark that is none", "", "storage_damaged");
    }
    std::memcpy(mark.bytes.data(), blob.data(), blob.size());
    known.emplace(mark, *label);
  }
  all_in_memory = known.size() < kInMemoryMax / 2;
  return {};
}

Result<std::unique_ptr<LabelMemory>> LabelMemory::Open(const std::filesystem::path& folder,
                                                       const Executor& executor, WallTime now) {
  const auto path = folder / "labels.db";
  auto writer = sqlite::Database::Open(path, {.bytes_max = kFileBytesMax});
  if (!writer) return Fail(writer.error());
  if (auto migrated = sqlite::Migrate(*writer, "labels", kSteps); !migrated) {
    return Fail(migrated.error());
  }
  const int64_t day = UnixSeconds(now) / 86'400;
  const int64_t days_kept = std::chrono::duration_cast<std::chrono::hours>(kRetention).count() / 24;
  auto forget = writer->Prepare("DELETE FROM label_mark WHERE seen < ?1");
  if (!forget) return Fail(forget.error());
  forget->Bind(day - days_kept);
  if (auto run = forget->Run(); !run) return Fail(run.error());
  auto secret = ReadOrMakeSecret(*writer);
  if (!secret) return Fail(secret.error());
  auto reader = sqlite::Database::Open(path, {.check = false});
  if (!reader) return Fail(reader.error());
  auto state = std::make_unique<State>(executor, std::move(*reader), std::move(*writer), day);
  state->secret = std::move(*secret);
  if (auto loaded = state->Load(); !loaded) return Fail(loaded.error());
  return std::unique_ptr<LabelMemory>(new LabelMemory(std::move(state)));
}

LabelMemory::LabelMemory(std::unique_ptr<State> state) : state_(std::move(state)) {
  state_->thread = std::thread([this] { state_->WriteUntilClosed(); });
}

LabelMemory::~LabelMemory() {
  state_->waiting.Close();
  state_->thread.join();
}

Result<std::optional<chat::Label>> LabelMemory::State::Find(const Mark& mark) {
  const auto found = known.find(mark);
  if (found != known.end()) return found->second;
  if (all_in_memory) return std::nullopt;
  auto select = reader.Prepare("SELECT label FROM label_mark WHERE mark = ?1");
  if (!select) return Fail(select.error());
  select->Bind(BytesOf(mark));
  auto row = select->Step();
  if (!row) return Fail(row.error());
  if (!*row) return std::nullopt;
  return LabelOf(select->Int(0)).value_or(chat::Label::kSecret);
}

Result<void> LabelMemory::State::JoinFound(std::span<const Mark> marks,
                                           std::optional<chat::Label>& label) {
  for (const Mark& mark : marks) {
    auto found = Find(mark);
    if (!found) return Fail(found.error());
    if (*found) label = label ? chat::Join(*label, **found) : **found;
  }
  return {};
}

Result<Recalled> LabelMemory::Recall(std::string_view tenant,
                                     std::span<const chat::Message> messages) {
  Marks marks = MarksOf(state_->secret, tenant, messages);
  Recalled recalled{.marks = std::move(marks.texts)};
  recalled.marks.insert(recalled.marks.end(), marks.prefixes.begin(), marks.prefixes.end());
  if (auto joined = state_->JoinFound(recalled.marks, recalled.label); !joined) {
    return Fail(joined.error());
  }
  for (const Mark& mark : marks.assistant) {
    const auto found = state_->Find(mark);
    if (!found) return Fail(found.error());
    recalled.foreign_assistant |= !found->has_value();
  }
  return recalled;
}

Result<Recalled> LabelMemory::Recall(std::string_view tenant, std::span<const std::string> texts) {
  Recalled recalled{.marks = MarksOf(state_->secret, tenant, texts)};
  if (auto joined = state_->JoinFound(recalled.marks, recalled.label); !joined) {
    return Fail(joined.error());
  }
  return recalled;
}

Written LabelMemory::Remember(std::vector<Mark> marks, chat::Label label) {
  return state_->Put(std::move(marks), label);
}

Written LabelMemory::RememberAnswer(std::string_view tenant, const std::string& text,
                                    chat::Label label) {
  // Only that it was written here; a "Yes." has no label of its own.
  Marks marks = MarksOfAnswer(state_->secret, tenant, text);
  state_->Put(std::move(marks.assistant), chat::Label::kPublic);
  return state_->Put(std::move(marks.texts), label);
}

// Only what is new or rises is written, unless an earlier write failed.
Written LabelMemory::State::Put(std::vector<Mark> marks, chat::Label label) {
  std::erase_if(marks, [&](const Mark& mark) {
    const auto [at, fresh] = known.try_emplace(mark, label);
    if (fresh) return false;
    const chat::Label joined = chat::Join(at->second, label);
    return std::exchange(at->second, joined) == joined && !behind;
  });
  if (marks.empty()) {
    // What is known may still be on its way to the disk; writes keep their order.
    Written under_way;
    if (latest && !latest->done.is_set()) under_way.state_ = latest;
    return under_way;
  }
  if (known.size() > kInMemoryMax) {
    // The file holds them all; the next look-up of one that is missing goes there.
    known.clear();
    all_in_memory = false;
    for (const Mark& mark : marks) known.emplace(mark, label);
  }
  Written written;
  written.state_ = latest = std::make_shared<Written::State>(executor);
  Batch batch{std::move(marks), label, written.state_};
  if (!waiting.Push(std::move(batch))) {
    dropped = behind = true;
    written.state_->failed = true;
    written.state_->done.Set();
  }
  return written;
}

void LabelMemory::State::WriteUntilClosed() {
  std::vector<Batch> failed;  // earlier ones, tried again with each new one
  while (auto first = waiting.Pop()) {
    std::vector<Batch> batches = std::exchange(failed, {});
    batches.push_back(std::move(*first));
    while (batches.size() < kBatchesAtOnce) {
      auto next = waiting.TryPop();
      if (!next) break;
      batches.push_back(std::move(*next));
    }
    const Result<void> written = Write(batches);
    if (!written) LogError("labels cannot be stored: {}", written.error().message);
    const bool lost = !written && batches.size() > kWaitingMax;
    if (lost) dropped = true;
    behind = !written || dropped;
    for (const Batch& batch : batches) {
      batch.written->failed = !written.has_value();
      batch.written->set_done();
    }
    if (!written && !lost) failed = std::move(batches);
  }
}

Result<void> LabelMemory::State::Write(std::span<const Batch> batches) {
  auto transaction = sqlite::Transaction::Begin(writer);
  if (!transaction) return Fail(transaction.error());
  auto upsert = writer.Prepare(
      "INSERT INTO label_mark (mark, label, seen) VALUES (?1, ?2, ?3) ON CONFLICT (mark) DO UPDATE "
      "SET label = max(label, excluded.label), seen = excluded.seen");
  if (!upsert) return Fail(upsert.error());
  for (const Batch& batch : batches) {
    for (const Mark& mark : batch.marks) {
      upsert->Bind(BytesOf(mark), static_cast<int64_t>(batch.label), day);
      if (auto run = upsert->Run(); !run) return run;
    }
  }
  return transaction->Commit();
}

}  // namespace weir::privacy
