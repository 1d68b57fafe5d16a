// ledger, and budget list, show and release. The ledger is read through the running server, or out
// of the data folder when none runs; budgets are the running server's.
#include <fmt/format.h>

#include <ctime>
#include <filesystem>
#include <iterator>
#include <set>

#include "cli/document.h"
#include "cli/exit_code.h"
#include "cli/options.h"
#include "cli/since.h"
#include "cli/table.h"
#include "cli/url_path.h"
#include "json/parse.h"
#include "json/writer.h"
#include "ledger/ledger.h"
#include "ledger/report.h"
#include "process/file_lock.h"
#include "sqlite/database.h"

namespace weir::cli {
namespace {

Result<json::Value> ReadOwn(const Common& common, const LedgerOptions& options, WallTime since) {
  const auto path = std::filesystem::path(common.folders.data) / ledger::kLedgerFile;
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    return Fail(Code::kNotFound, "no server has kept a ledger in this data folder yet", "data");
  }
  auto lock = FileLock::Acquire(common.folders.data);
  if (!lock) return std::unexpected(lock.error());
  auto db = sqlite::Database::Open(path, {.check = false});
  if (!db) return std::unexpected(db.error());
  const ledger::ReportAsk ask{.by = options.by, .since = since};
  if (options.entries > 0) {
    const auto entries = ledger::ReadEntries(*db, ask, options.entries);
    if (!entries) return std::unexpected(entries.error());
    return json::Parse(fmt::format(R"({{"data":{}}})", *entries));
  }
  const auto report = ledger::ReadReport(*db, ask);
  if (!report) return std::unexpected(report.error());
  return json::Parse(ledger::ReportJson(*report));
}

Result<json::Value> ReadLedger(const Common& common, const LedgerOptions& options, WallTime since) {
  auto link = ServerLink::Find(common.folders);
  if (!link) return ReadOwn(common, options, since);
  std::string path = "/weir/v1/ledger?by=" + options.by;
  if (!options.since.empty()) path += "&since=" + options.since;
  if (options.entries > 0) path += fmt::format("&entries={}", options.entries);
  return link->Get(path);
}

// Quotes where they are needed; a text that a spreadsheet would take for a formula is quoted too,
// behind an apostrophe.
std::string CsvCell(std::string text) {
  if (!text.empty() && std::string_view("=+-@").find(text.front()) != std::string_view::npos &&
      text.find_first_not_of("-.0123456789") != std::string::npos) {
    text.insert(0, 1, '\'');
  }
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

void PrintCsv(const std::vector<std::string>& cells) {
  std::vector<std::string> quoted;
  for (const std::string& cell : cells) quoted.push_back(CsvCell(cell));
  fmt::print("{}\n", fmt::join(quoted, ","));
}

// As text, whatever it is; "" for null.
std::string Cell(const json::Value& value, std::string_view key) {
  const json::Value* found = value.Find(key);
  if (found == nullptr || found->is_null()) return "";
  if (const auto* text = found->AsString()) return *text;
  return json::Print(*found);
}

// "1.5 USD + 2 EUR"; "-" when there is none.
std::string MoneyAt(const json::Value& value, std::string_view key) {
  const json::Value* found = value.Find(key);
  const json::Object* money = found == nullptr ? nullptr : found->AsObject();
  std::string text;
  for (const json::Member& member : money == nullptr ? json::Object{} : *money) {
    const std::string* amount = member.value.AsString();
    if (amount == nullptr) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : " + ", *amount, member.key);
  }
  return text.empty() ? "-" : text;
}

const json::Value& Nested(const json::Value& value, std::string_view key) {
  static const json::Value kNothing;
  const json::Value* found = value.Find(key);
  return found == nullptr ? kNothing : *found;
}

std::vector<std::string> Cells(const json::Value& line, const std::string& name) {
  const json::Value& elsewhere = Nested(line, "would_have_cost");
  return {name,
          Cell(line, "entries"),
          Cell(line, "local"),
          Cell(line, "prompt_tokens"),
          Cell(line, "cached_tokens"),
          Cell(line, "completion_tokens"),
          MoneyAt(line, "cost"),
          Cell(line, "unpriced"),
          MoneyAt(elsewhere, "strong"),
          MoneyAt(elsewhere, "cheapest"),
          Cell(line, "energy_joules").empty() ? "-" : Cell(line, "energy_joules")};
}

std::string Names(const json::Array& names) {
  std::string text;
  for (const json::Value& name : names) {
    if (const auto* word = name.AsString()) text += (text.empty() ? "" : ", ") + *word;
  }
  return text;
}

void PrintReport(const json::Value& report, const std::string& by) {
  Table table({by, "requests", "local", "prompt", "cached", "completion", "cost", "unpriced",
               "at the strong model", "at the cheapest", "joules"});
  for (const json::Value& line : ListAt(report, "lines")) {
    table.Add(Cells(line, TextAt(line, "name").empty() ? "(none)" : TextAt(line, "name")));
  }
  const json::Value& total = Nested(report, "total");
  table.Add(Cells(total, "total"));
  fmt::print("{}", table.Text());
  const json::Value& baselines = Nested(report, "baselines");
  const std::string strong = Names(ListAt(baselines, "strong"));
  if (!strong.empty()) {
    const json::Value& elsewhere = Nested(total, "would_have_cost");
    fmt::print(
        "{} local answers are compared with {}, the cheapest that could take each of {} with {}\n",
        Cell(elsewhere, "strong_entries"), strong, Cell(elsewhere, "cheapest_entries"),
        Names(ListAt(baselines, "cheapest")));
  }
  if (const double estimated = NumberAt(total, "estimated"); estimated > 0) {
    fmt::print("{} entries have tokens that were estimated: their provider did not say\n",
               estimated);
  }
  if (const double missing = NumberAt(report, "missing_entries"); missing > 0) {
    fmt::print(
        "{} entries have no line, because the disk was too slow; their money is in the total\n",
        missing);
  }
}

constexpr std::string_view kReportColumns[] = {
    "entries",       "served",        "cancelled",         "failed",           "local",
    "prompt_tokens", "cached_tokens", "completion_tokens", "reasoning_tokens", "unpriced",
    "estimated",     "overrun",       "energy_joules",     "sound_seconds"};

// Amounts are for sums, so each currency has columns of its own that hold numbers alone.
struct MoneyColumns {
  std::string_view key;  // of the column, before the currency
  bool elsewhere;        // what it would have cost
  std::set<std::string> currencies = {};

  const json::Value& Of(const json::Value& line) const {
    return Nested(elsewhere ? Nested(line, "would_have_cost") : line, key);
  }
  void Look(const json::Value& line) {
    const json::Object* money = Of(line).AsObject();
    for (const json::Member& member : money == nullptr ? json::Object{} : *money) {
      currencies.insert(member.key);
    }
  }
  void AddNames(std::vector<std::string>& names) const {
    for (const std::string& currency : currencies)
      names.push_back(fmt::format("{}_{}", key, currency));
  }
  void AddCells(const json::Value& line, std::vector<std::string>& cells) const {
    for (const std::string& currency : currencies) cells.push_back(Cell(Of(line), currency));
  }
};

void PrintReportCsv(const json::Value& report, const std::string& by) {
  MoneyColumns money[] = {{"cost", false}, {"strong", true}, {"cheapest", true}};
  for (const json::Value& line : ListAt(report, "lines")) {
    for (MoneyColumns& columns : money) columns.Look(line);
  }
  std::vector<std::string> names = {by};
  names.insert(names.end(), std::begin(kReportColumns), std::end(kReportColumns));
  for (const MoneyColumns& columns : money) columns.AddNames(names);
  PrintCsv(names);
  for (const json::Value& line : ListAt(report, "lines")) {
    std::vector<std::string> cells = {TextAt(line, "name")};
    for (const std::string_view column : kReportColumns) cells.push_back(Cell(line, column));
    for (const MoneyColumns& columns : money) columns.AddCells(line, cells);
    PrintCsv(cells);
  }
}

constexpr std::string_view kEntryColumns[] = {"time",
                                              "decision",
                                              "key",
                                              "key_name",
                                              "tenant",
                                              "project",
                                              "user",
                                              "asked",
                                              "target",
                                              "model",
                                              "tier",
                                              "task",
                                              "label",
                                              "status",
                                              "reason",
                                              "prompt_tokens",
                                              "cached_tokens",
                                              "completion_tokens",
                                              "reasoning_tokens",
                                              "estimated",
                                              "cost",
                                              "currency",
                                              "reserved",
                                              "seconds",
                                              "energy_joules",
                                              "price",
                                              "sound_seconds"};

void PrintEntries(const json::Value& document, bool csv) {
  if (csv) {
    PrintCsv({std::begin(kEntryColumns), std::end(kEntryColumns)});
    for (const json::Value& entry : ListAt(document, "data")) {
      std::vector<std::string> cells;
      for (const std::string_view column : kEntryColumns) cells.push_back(Cell(entry, column));
      PrintCsv(cells);
    }
    return;
  }
  Table table({"decision", "key", "target", "status", "prompt", "completion", "cost"});
  for (const json::Value& entry : ListAt(document, "data")) {
    const std::string cost = Cell(entry, "cost");
    const std::string currency = TextAt(entry, "currency");
    table.Add({TextAt(entry, "decision"), TextAt(entry, "key_name"), TextAt(entry, "target"),
               TextAt(entry, "status"), Cell(entry, "prompt_tokens"),
               Cell(entry, "completion_tokens"),
               cost.empty()       ? "unpriced"
               : currency.empty() ? cost
                                  : fmt::format("{} {}", cost, currency)});
  }
  fmt::print("{}", table.Text());
}

}  // namespace

int ShowLedger(const Common& common, const LedgerOptions& options) {
  if (!ledger::IsGrouping(options.by)) {
    fmt::print(stderr, "weir: --by takes one of {}\n", ledger::kGroupings);
    return static_cast<int>(Exit::kUsage);
  }
  const auto since = SinceOf(options.since);
  if (!since) return static_cast<int>(Exit::kUsage);
  const auto document = ReadLedger(common, options, *since);
  if (!document) return Report(document.error());
  if (common.json) {
    fmt::print("{}\n", json::Print(options.entries > 0 ? Nested(*document, "data") : *document));
  } else if (options.entries > 0) {
    PrintEntries(*document, options.csv);
  } else if (options.csv) {
    PrintReportCsv(*document, options.by);
  } else {
    PrintReport(*document, options.by);
  }
  return 0;
}

int ListBudgets(const Common& common, const std::string& name) {
  auto link = ServerLink::Find(common.folders);
  if (!link) return Report(NoServer());
  const auto document = link->Get("/weir/v1/budgets" + (name.empty() ? "" : "/" + name));
  if (!document) return Report(document.error());
  const json::Array& rows = ListAt(*document, "data");
  if (rows.empty() && !name.empty()) {
    return Report({Code::kNotFound, fmt::format("there is no budget '{}'", name), "budget"});
  }
  if (common.json) {
    fmt::print("{}\n", json::Print(Nested(*document, "data")));
    return 0;
  }
  Table table({"budget", "per", "kind", "limit", "spent", "held", "reserved", "left", "keys"});
  for (const json::Value& row : rows) {
    const auto money = [&row](std::string_view key) { return TextAt(row, key); };
    table.Add({TextAt(row, "name"), TextAt(row, "window"), FlagAt(row, "hard") ? "hard" : "soft",
               money("limit") + " " + TextAt(row, "currency"), money("spent"), money("held"),
               money("reserved"), FlagAt(row, "over") ? "none" : money("left"),
               Names(ListAt(row, "keys"))});
  }
  fmt::print("{}", table.Text());
  return 0;
}

int ReleaseBudget(const Common& common, const std::string& name) {
  auto link = ServerLink::Find(common.folders);
  if (!link) return Report(NoServer());
  const auto released =
      link->Post("/weir/v1/budgets/" + PathPiece(name) + "/release", json::Value(json::Object{}));
  if (!released) return Report(released.error());
  fmt::print("{}: nothing is held any more\n", name);
  return 0;
}

}  // namespace weir::cli
