#include "vectors/rows.h"

#include <array>
#include <cstring>

#include "base/check.h"
#include "base/no_memory.h"
#include "json/fields.h"
#include "json/parse.h"
#include "json/writer.h"
#include "sqlite/migrations.h"
#include "vectors/row_schema.h"
#include "vectors/stored_payload.h"

namespace weir::vectors {
namespace {

static_assert(Limits::kSpaces == 16, "the key of vector_data counts on it");
int64_t KeyOf(int64_t seq, size_t slot) { return seq * 16 + static_cast<int64_t>(slot); }

constexpr int64_t kSlotMax = Limits::kSpaces - 1;

enum Slot : size_t {
  kPlaceOf,
  kDeletePoint,
  kDeleteVectors,
  kAddPoint,
  kAddVector,
  kReadVector,
  kEachPoint,
  kReadPoint,
  kStatements
};

std::string PrintSpaces(const CollectionRow& row) {
  std::string text;
  json::Writer writer(&text);
  writer.BeginArray();
  for (size_t i = 0; i < row.spec.spaces.size(); ++i) {
    const Space& space = row.spec.spaces[i];
    writer.BeginObject()
        .Field("name", space.name)
        .Field("dimensions", space.dimensions)
        .Field("metric", MetricName(space.metric));
    if (space.components != Components::kF32)
      writer.Field("components", ComponentsName(space.components));
    if (space.codes != Codes::kBytes) writer.Field("codes", CodesName(space.codes));
    if (space.sparse) writer.Field("sparse", true);
    if (space.idf) writer.Field("idf", true);
    if (space.multi) writer.Field("multi", true);
    if (!space.model.empty()) writer.Field("model", space.model);
    if (row.SlotOf(i) != i) writer.Field("slot", row.SlotOf(i));
    writer.EndObject();
  }
  for (const uint8_t slot : row.erasing) writer.BeginObject().Field("erasing", slot).EndObject();
  writer.EndArray();
  return text;
}

std::string PrintAbout(const json::Value& about) {
  return about.is_null() ? std::string() : json::Print(about);
}

// Into the row's spaces and where they lie.
Result<void> ParseSpaces(std::string_view text, CollectionRow& row) {
  const auto parsed = json::Parse(text);
  if (!parsed) return Fail(parsed.error());
  json::Problem problem;
  const json::Array* array = parsed->AsArray();
  for (const json::Value& value :
       array != nullptr ? std::span(*array) : std::span<const json::Value>()) {
    json::Fields fields(problem, value);
    if (const auto slot = fields.Int("erasing", 0, kSlotMax)) {
      row.erasing.push_back(static_cast<uint8_t>(*slot));
      continue;
    }
    Space space;
    space.name = fields.Require().String("name", Limits::kNameBytes).value_or("");
    space.dimensions = static_cast<uint32_t>(
        fields.Require().Int("dimensions", 0, Limits::kDimensions).value_or(0));
    space.metric =
        fields.Require()
            .Word<Metric>("metric",
                          {{"cosine", Metric::kCosine}, {"dot", Metric::kDot}, {"l2", Metric::kL2}})
            .value_or(Metric::kCosine);
    space.components = fields
                           .Word<Components>("components", {{"f32", Components::kF32},
                                                            {"f16", Components::kF16},
                                                            {"u8", Components::kU8}})
                           .value_or(Components::kF32);
    space.codes = fields.Word<Codes>("codes", {{"bytes", Codes::kBytes}, {"bits", Codes::kBits}})
                      .value_or(Codes::kBytes);
    space.sparse = fields.Bool("sparse").value_or(false);
    space.idf = fields.Bool("idf").value_or(false);
    space.multi = fields.Bool("multi").value_or(false);
    space.model = fields.String("model", Limits::kNameBytes).value_or("");
    const auto own = static_cast<int64_t>(row.slots.size());
    row.slots.push_back(static_cast<uint8_t>(fields.Int("slot", 0, kSlotMax).value_or(own)));
    row.spec.spaces.push_back(std::move(space));
  }
  if (problem) return Fail(problem.Take());
  return {};
}

// Ends what a statement reads, also where who is told of a row throws: a row that stays open keeps
// the connection at the moment when it was read.
class Ending {
 public:
  explicit Ending(sqlite::Statement& statement) : statement_(statement) {}
  Ending(const Ending&) = delete;
  Ending& operator=(const Ending&) = delete;
  ~Ending() { statement_.Reset(); }

 private:
  sqlite::Statement& statement_;
};

// False at the end.
Result<bool> ReadVectorWith(sqlite::Statement& select, int64_t seq, size_t slot,
                            const RowReader::UseBytes& use) {
  select.Bind(KeyOf(seq, slot));
  const Ending ending(select);
  const auto row = select.Step();
  if (!row || !*row) return row;
  use(select.Blob(0));
  return true;
}

Result<std::optional<PointPlace>> PlaceWith(sqlite::Statement& select, int64_t collection,
                                            std::string_view id) {
  select.Bind(collection, id);
  const auto row = select.Step();
  if (!row) return Fail(row.error());
  if (!*row) return std::nullopt;
  const PointPlace place{.seq = select.Int(0), .expires = select.Int(1)};
  select.Reset();
  return place;
}

constexpr sqlite::Sql kSelectPlace =
    "SELECT seq, expires FROM vector_point WHERE collection = ?1 AND id = ?2";
constexpr sqlite::Sql kSelectPoint =
    "SELECT seq, id, payload, text, expires FROM vector_point WHERE seq = ?1";
constexpr sqlite::Sql kSelectPoints =
    "SELECT seq, id, payload, text, expires FROM vector_point WHERE collection = ?1 ORDER BY seq";
constexpr sqlite::Sql kSelectVector = "SELECT value FROM vector_data WHERE key = ?1";

// Deleted contents are overwritten, and pages that are free can be given back. A file that is older
// than that wish is made over once.
Result<void> KeepNoTraces(sqlite::Database& db) {
  if (auto set = db.Execute("PRAGMA secure_delete = ON"); !set) return set;
  int64_t mode = 0;
  {
    auto asked = db.Prepare("PRAGMA auto_vacuum");
    if (!asked) return Fail(asked.error());
    const auto row = asked->Step();
    if (!row) return Fail(row.error());
    mode = *row ? asked->Int(0) : 0;
  }
  constexpr int64_t kIncremental = 2;
  if (mode == kIncremental) return {};
  return db.Execute("PRAGMA auto_vacuum = INCREMENTAL; VACUUM");
}

Result<std::vector<sqlite::Statement>> PrepareAll(sqlite::Database& db,
                                                  std::span<const sqlite::Sql> texts) {
  std::vector<sqlite::Statement> statements;
  for (const sqlite::Sql text : texts) {
    auto statement = db.Prepare(text);
    if (!statement) return Fail(std::move(statement.error()));
    statements.push_back(std::move(*statement));
  }
  return statements;
}

PointRow RowAt(const sqlite::Statement& select) {
  return {.seq = select.Int(0),
          .id = select.Text(1),
          .payload = select.Text(2),
          .text = select.Text(3),
          .expires = select.Int(4)};
}

Result<bool> ReadPointWith(sqlite::Statement& select, int64_t seq,
                           const std::function<void(const PointRow&)>& use) {
  select.Bind(seq);
  const Ending ending(select);
  auto row = select.Step();
  if (!row || !*row) return row;
  use(RowAt(select));
  return true;
}

}  // namespace

std::string_view MetricName(Metric metric) {
  switch (metric) {
    case Metric::kCosine:
      return "cosine";
    case Metric::kDot:
      return "dot";
    case Metric::kL2:
      return "l2";
  }
  return "";
}

std::string_view ComponentsName(Components components) {
  if (components == Components::kU8) return "u8";
  return components == Components::kF16 ? "f16" : "f32";
}

std::string_view CodesName(Codes codes) { return codes == Codes::kBits ? "bits" : "bytes"; }

// ---- RowReader

RowReader::RowReader(sqlite::Database db, sqlite::Statement place, sqlite::Statement point,
                     sqlite::Statement vector, sqlite::Statement walk)
    : db_(std::move(db)),
      place_(std::move(place)),
      point_(std::move(point)),
      vector_(std::move(vector)),
      walk_(std::move(walk)) {}

Result<RowReader> RowReader::Open(const std::filesystem::path& database) {
  auto db = sqlite::Database::Open(database, {.read_only = true, .check = false});
  if (!db) return Fail(std::move(db.error()));
  constexpr std::array kTexts = {
      kSelectPlace, kSelectPoint, kSelectVector,
      sqlite::Sql(
          "SELECT seq, id FROM vector_point WHERE collection = ?1 AND id >= ?2 ORDER BY id")};
  auto statements = PrepareAll(*db, kTexts);
  if (!statements) return Fail(std::move(statements.error()));
  auto& all = *statements;
  return RowReader(std::move(*db), std::move(all[0]), std::move(all[1]), std::move(all[2]),
                   std::move(all[3]));
}

Result<std::optional<PointPlace>> RowReader::PlaceOf(int64_t collection, std::string_view id) {
  return PlaceWith(place_, collection, id);
}

Result<bool> RowReader::ReadPoint(int64_t seq, const std::function<void(const PointRow&)>& use) {
  return ReadPointWith(point_, seq, use);
}

Result<bool> RowReader::ReadVector(int64_t seq, size_t slot, const UseBytes& use) {
  return ReadVectorWith(vector_, seq, slot, use);
}

Result<void> RowReader::WalkIds(int64_t collection, std::string_view from,
                                const std::function<bool(int64_t seq, std::string_view id)>& use) {
  walk_.Bind(collection, from);
  const Ending ending(walk_);
  for (;;) {
    const auto row = walk_.Step();
    if (!row) return Fail(row.error());
    if (!*row || !use(walk_.Int(0), walk_.Text(1))) return {};
  }
}

Result<void> RowReader::WalkPoints(const CollectionRow& collection, const UsePoint& use) {
  // One read transaction: what is written meanwhile is not seen.
  if (auto begun = db_.Execute("BEGIN"); !begun) return begun;
  struct Moment {
    sqlite::Database& db;
    ~Moment() { db.Abandon(); }
  };
  const Moment moment{db_};
  auto select = db_.Prepare(kSelectPoints);
  if (!select) return Fail(std::move(select.error()));
  select->Bind(collection.id);
  std::vector<Bytes> vectors(collection.spec.spaces.size());
  for (;;) {
    const auto row = select->Step();
    if (!row) return Fail(row.error());
    if (!*row) return {};
    const PointRow point = RowAt(*select);
    for (size_t space = 0; space < vectors.size(); ++space) {
      vectors[space].reset();
      auto read =
          ReadVector(point.seq, collection.SlotOf(space), [&](std::span<const std::byte> vector) {
            vectors[space].emplace(vector.begin(), vector.end());
          });
      if (!read) return Fail(std::move(read.error()));
    }
    if (auto used = use(point, vectors); !used) return used;
  }
}

Result<void> RowReader::CopyTo(const std::filesystem::path& file) {
  auto copy = db_.Prepare("VACUUM INTO ?1");
  if (!copy) return Fail(std::move(copy.error()));
  copy->Bind(std::string_view(file.native()));
  return copy->Run();
}

// ---- Rows

Rows::Rows(sqlite::Database db, std::vector<sqlite::Statement> statements)
    : db_(std::move(db)), statements_(std::move(statements)) {}

Result<Rows> Rows::Open(const std::filesystem::path& database, bool check) {
  auto db =
      sqlite::Database::Open(database, {.durability = sqlite::Durability::kFull, .check = check});
  if (!db) return Fail(std::move(db.error()));
  if (auto kept = KeepNoTraces(*db); !kept) return Fail(std::move(kept.error()));
  if (auto migrated = sqlite::Migrate(*db, "vectors", kRowSchema); !migrated) {
    return Fail(std::move(migrated.error()));
  }
  std::array<sqlite::Sql, kStatements> texts = {
      kSelectPlace,
      "DELETE FROM vector_point WHERE seq = ?1",
      "DELETE FROM vector_data WHERE key BETWEEN ?1 AND ?2",
      "INSERT INTO vector_point (collection, id, payload, text, expires) "
      "VALUES (?1, ?2, ?3, ?4, ?5)",
      "INSERT INTO vector_data (key, value) VALUES (?1, ?2)",
      kSelectVector,
      kSelectPoints,
      kSelectPoint};
  auto statements = PrepareAll(*db, texts);
  if (!statements) return Fail(std::move(statements.error()));
  return Rows(std::move(*db), std::move(*statements));
}

Result<std::vector<CollectionRow>> Rows::Collections() {
  auto select = db_.Prepare("SELECT id, name, spaces, about FROM vector_collection ORDER BY name");
  if (!select) return Fail(std::move(select.error()));
  std::vector<CollectionRow> rows;
  for (;;) {
    const auto row = select->Step();
    if (!row) return Fail(row.error());
    if (!*row) return rows;
    const int64_t id = select->Int(0);
    CollectionRow found{.id = id, .spec = {.name = std::string(select->Text(1)), .id = id}};
    if (auto spaces = ParseSpaces(select->Text(2), found); !spaces)
      return Fail(std::move(spaces.error()));
    auto about = ParsePayload(select->Text(3));
    if (!about) return Fail(std::move(about.error()));
    found.spec.about = std::move(*about);
    rows.push_back(std::move(found));
  }
}

Result<int64_t> Rows::AddCollection(const CollectionSpec& spec) {
  auto insert =
      db_.Prepare("INSERT INTO vector_collection (name, spaces, about) VALUES (?1, ?2, ?3)");
  if (!insert) return Fail(std::move(insert.error()));
  insert->Bind(std::string_view(spec.name), std::string_view(PrintSpaces({0, spec})),
               std::string_view(PrintAbout(spec.about)));
  if (auto inserted = insert->Run(); !inserted) return Fail(std::move(inserted.error()));
  return db_.LastInsertId();
}

Result<void> Rows::RemoveCollection(int64_t id) {
  auto transaction = Begin();
  if (!transaction) return Fail(std::move(transaction.error()));
  if (auto removed = RemoveAllOf(id); !removed) return removed;
  return transaction->Commit();
}

Result<void> Rows::Replace(int64_t old, int64_t id, std::string_view name) {
  auto transaction = Begin();
  if (!transaction) return Fail(std::move(transaction.error()));
  if (old != 0) {
    auto move = db_.Prepare("UPDATE vector_alias SET collection = ?2 WHERE collection = ?1");
    if (!move) return Fail(std::move(move.error()));
    move->Bind(old, id);
    if (auto moved = move->Run(); !moved) return moved;
    if (auto removed = RemoveAllOf(old); !removed) return removed;
  }
  auto rename = db_.Prepare("UPDATE vector_collection SET name = ?2 WHERE id = ?1");
  if (!rename) return Fail(std::move(rename.error()));
  rename->Bind(id, name);
  if (auto renamed = rename->Run(); !renamed) return renamed;
  return transaction->Commit();
}

Result<void> Rows::RemoveAllOf(int64_t id) {
  auto select = db_.Prepare("SELECT seq FROM vector_point WHERE collection = ?1");
  if (!select) return Fail(std::move(select.error()));
  std::vector<int64_t> seqs;
  select->Bind(id);
  for (;;) {
    const auto row = select->Step();
    if (!row) return Fail(row.error());
    if (!*row) break;
    seqs.push_back(select->Int(0));
  }
  for (const int64_t seq : seqs) {
    if (auto removed = RemoveBySeq(seq); !removed) return removed;
  }
  auto remove = db_.Prepare("DELETE FROM vector_collection WHERE id = ?1");
  if (!remove) return Fail(std::move(remove.error()));
  remove->Bind(id);
  return remove->Run();
}

Result<void> Rows::SetAbout(int64_t id, const json::Value& about) {
  auto update = db_.Prepare("UPDATE vector_collection SET about = ?2 WHERE id = ?1");
  if (!update) return Fail(std::move(update.error()));
  update->Bind(id, std::string_view(PrintAbout(about)));
  return update->Run();
}

Result<void> Rows::SetSpec(const CollectionRow& row) {
  auto update = db_.Prepare("UPDATE vector_collection SET name = ?2, spaces = ?3 WHERE id = ?1");
  if (!update) return Fail(std::move(update.error()));
  update->Bind(row.id, std::string_view(row.spec.name), std::string_view(PrintSpaces(row)));
  return update->Run();
}

Result<std::optional<int64_t>> Rows::EraseSlot(int64_t collection, size_t slot, int64_t after,
                                               size_t points) {
  // The last of as many points, or the last one there is.
  auto select = db_.Prepare(
      "SELECT max(seq) FROM (SELECT seq FROM vector_point WHERE collection = ?1 AND seq > ?2"
      " ORDER BY seq LIMIT ?3)");
  if (!select) return Fail(std::move(select.error()));
  select->Bind(collection, after, static_cast<int64_t>(points));
  const auto row = select->Step();
  if (!row) return Fail(row.error());
  if (!*row || select->IsNull(0)) return std::nullopt;
  const int64_t last = select->Int(0);
  select->Reset();
  auto erase = db_.Prepare(
      "DELETE FROM vector_data WHERE key IN (SELECT seq * 16 + ?4 FROM vector_point"
      " WHERE collection = ?1 AND seq > ?2 AND seq <= ?3)");
  if (!erase) return Fail(std::move(erase.error()));
  erase->Bind(collection, after, last, static_cast<int64_t>(slot));
  if (auto erased = erase->Run(); !erased) return Fail(std::move(erased.error()));
  return last;
}

Result<std::vector<AliasRow>> Rows::Aliases() {
  auto select = db_.Prepare("SELECT name, collection FROM vector_alias ORDER BY name");
  if (!select) return Fail(std::move(select.error()));
  std::vector<AliasRow> rows;
  for (;;) {
    const auto row = select->Step();
    if (!row) return Fail(row.error());
    if (!*row) return rows;
    rows.push_back({std::string(select->Text(0)), select->Int(1)});
  }
}

Result<void> Rows::PutAlias(std::string_view name, int64_t collection) {
  auto put = db_.Prepare("INSERT OR REPLACE INTO vector_alias (name, collection) VALUES (?1, ?2)");
  if (!put) return Fail(std::move(put.error()));
  put->Bind(name, collection);
  return put->Run();
}

Result<void> Rows::RemoveAlias(std::string_view name) {
  auto remove = db_.Prepare("DELETE FROM vector_alias WHERE name = ?1");
  if (!remove) return Fail(std::move(remove.error()));
  remove->Bind(name);
  return remove->Run();
}

Result<std::vector<Note>> Rows::Notes() {
  auto select = db_.Prepare("SELECT key, text FROM vector_note ORDER BY key");
  if (!select) return Fail(std::move(select.error()));
  std::vector<Note> notes;
  for (;;) {
    const auto row = select->Step();
    if (!row) return Fail(row.error());
    if (!*row) return notes;
    notes.push_back({std::string(select->Text(0)), std::string(select->Text(1))});
  }
}

Result<void> Rows::PutNote(const Note& note) {
  auto put = db_.Prepare("INSERT OR REPLACE INTO vector_note (key, text) VALUES (?1, ?2)");
  if (!put) return Fail(std::move(put.error()));
  put->Bind(std::string_view(note.key), std::string_view(note.text));
  return put->Run();
}

Result<void> Rows::RemoveNote(std::string_view key) {
  auto remove = db_.Prepare("DELETE FROM vector_note WHERE key = ?1");
  if (!remove) return Fail(std::move(remove.error()));
  remove->Bind(key);
  return remove->Run();
}

Result<sqlite::Transaction> Rows::Begin() { return sqlite::Transaction::Begin(db_); }

Result<void> Rows::RemoveBySeq(int64_t seq) {
  statements_[kDeletePoint].Bind(seq);
  if (auto removed = statements_[kDeletePoint].Run(); !removed) return removed;
  statements_[kDeleteVectors].Bind(KeyOf(seq, 0), KeyOf(seq, Limits::kSpaces - 1));
  return statements_[kDeleteVectors].Run();
}

Result<std::optional<PointPlace>> Rows::RemovePoint(int64_t collection, std::string_view id) {
  auto place = PlaceWith(statements_[kPlaceOf], collection, id);
  if (!place || !*place) return place;
  if (auto removed = RemoveBySeq((*place)->seq); !removed) return Fail(std::move(removed.error()));
  return place;
}

Result<int64_t> Rows::AddPoint(int64_t collection, std::string_view id, std::string_view payload,
                               std::string_view text, Expiry expires) {
  statements_[kAddPoint].Bind(collection, id, payload, text, expires);
  if (auto added = statements_[kAddPoint].Run(); !added) return Fail(std::move(added.error()));
  return db_.LastInsertId();
}

Result<void> Rows::AddVector(int64_t seq, size_t slot, std::span<const std::byte> vector) {
  statements_[kAddVector].Bind(KeyOf(seq, slot), vector);
  return statements_[kAddVector].Run();
}

Result<std::optional<PointPlace>> Rows::PlaceOf(int64_t collection, std::string_view id) {
  return PlaceWith(statements_[kPlaceOf], collection, id);
}

Result<std::vector<int64_t>> Rows::Expired(int64_t collection, Expiry now, size_t limit) {
  auto select = db_.Prepare(
      "SELECT seq FROM vector_point WHERE collection = ?1 AND expires > 0 AND expires <= ?2 "
      "ORDER BY expires LIMIT ?3");
  if (!select) return Fail(std::move(select.error()));
  select->Bind(collection, now, static_cast<int64_t>(limit));
  std::vector<int64_t> seqs;
  for (;;) {
    const auto row = select->Step();
    if (!row) return Fail(row.error());
    if (!*row) return seqs;
    seqs.push_back(select->Int(0));
  }
}

Result<std::vector<NextExpiry>> Rows::NextExpiries() {
  auto select = db_.Prepare(
      "SELECT collection, MIN(expires) FROM vector_point WHERE expires > 0 GROUP BY collection");
  if (!select) return Fail(std::move(select.error()));
  std::vector<NextExpiry> all;
  for (;;) {
    const auto row = select->Step();
    if (!row) return Fail(row.error());
    if (!*row) return all;
    all.push_back({.collection = select->Int(0), .expires = select->Int(1)});
  }
}

Result<Expiry> Rows::FirstExpiry(int64_t collection) {
  auto select = db_.Prepare(
      "SELECT expires FROM vector_point WHERE collection = ?1 AND expires > 0 "
      "ORDER BY expires LIMIT 1");
  if (!select) return Fail(std::move(select.error()));
  select->Bind(collection);
  const auto row = select->Step();
  if (!row) return Fail(row.error());
  return *row ? select->Int(0) : kNever;
}

Result<bool> Rows::ReadPoint(int64_t seq, const std::function<void(const PointRow&)>& use) {
  return ReadPointWith(statements_[kReadPoint], seq, use);
}

Result<void> Rows::ForEachPoint(int64_t collection,
                                const std::function<Result<void>(const PointRow&)>& use) {
  sqlite::Statement& select = statements_[kEachPoint];
  select.Bind(collection);
  const Ending ending(select);
  for (;;) {
    const auto row = select.Step();
    if (!row) return Fail(row.error());
    if (!*row) return {};
    if (auto used = use(RowAt(select)); !used) return used;
  }
}

Result<bool> Rows::ReadVector(int64_t seq, size_t slot, const UseBytes& use) {
  return ReadVectorWith(statements_[kReadVector], seq, slot, use);
}

void Rows::GiveBackSpace() noexcept {
  (void)OrNoMemory([&] { return db_.Execute("PRAGMA incremental_vacuum(1024)"); });
}

Result<void> Rows::Flush() { return db_.Checkpoint(); }

}  // namespace weir::vectors
