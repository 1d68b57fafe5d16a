#include "ledger/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "json/writer.h"
#include "ledger/entry.h"

namespace weir::ledger {
namespace {

constexpr std::array<std::string_view, 11> kNames = {"day",   "key",   "project", "tenant",
                                                     "user",  "model", "target",  "tier",
                                                     "label", "task",  "status"};

// The same expression in each statement: a statement is a literal (sqlite/sql.h).
#define WEIR_LEDGER_GROUP                                             \
  "CASE ?1 WHEN 'day' THEN date(time / 1000000, 'unixepoch') "        \
  "WHEN 'key' THEN CASE key_name WHEN '' THEN key ELSE key_name END " \
  "WHEN 'project' THEN project WHEN 'tenant' THEN tenant "            \
  "WHEN 'user' THEN user WHEN 'model' THEN model "                    \
  "WHEN 'target' THEN target WHEN 'tier' THEN tier "                  \
  "WHEN 'label' THEN label WHEN 'task' THEN task "                    \
  "ELSE CASE status WHEN 0 THEN 'served' WHEN 1 THEN 'cancelled' ELSE 'failed' END END"
#define WEIR_LEDGER_WHERE " FROM entry WHERE time >= ?2 AND (?3 IS NULL OR key = ?3) "

int64_t Microseconds(WallTime time) { return time.time_since_epoch().count(); }

// Runs `take` for each row.
template <class Take>
Result<void> ForEach(Result<sqlite::Statement>& select, const ReportAsk& ask, Take take) {
  if (!select) return Fail(select.error());
  select->Bind(ask.by, Microseconds(ask.since), ask.only_key);
  for (;;) {
    const auto row = select->Step();
    if (!row) return Fail(row.error());
    if (!*row) return {};
    if (auto taken = take(*select); !taken) return taken;
  }
}

Line& LineOf(Report& report, std::map<std::string, size_t, std::less<>>& index,
             std::string_view name) {
  const auto found = index.find(name);
  if (found != index.end()) return report.lines[found->second];
  index.emplace(std::string(name), report.lines.size());
  report.lines.push_back({.name = std::string(name)});
  return report.lines.back();
}

void AddMoney(Money& to, const Money& from) {
  for (const auto& [currency, total] : from) {
    Total& sum = to[currency];
    sum.Add(total);
  }
}

void AddLine(Line& total, const Line& line) {
  total.entries += line.entries;
  total.served += line.served;
  total.cancelled += line.cancelled;
  total.failed += line.failed;
  total.local += line.local;
  total.prompt_tokens += line.prompt_tokens;
  total.cached_tokens += line.cached_tokens;
  total.completion_tokens += line.completion_tokens;
  total.reasoning_tokens += line.reasoning_tokens;
  total.sound_s += line.sound_s;
  total.unpriced += line.unpriced;
  total.estimated += line.estimated;
  total.overrun += line.overrun;
  total.compared += line.compared;
  total.their_tokens += line.their_tokens;
  total.our_tokens += line.our_tokens;
  total.energy_mj += line.energy_mj;
  total.energy_known += line.energy_known;
  total.strong_known += line.strong_known;
  total.cheapest_known += line.cheapest_known;
  AddMoney(total.cost, line.cost);
  AddMoney(total.strong, line.strong);
  AddMoney(total.cheapest, line.cheapest);
}

Result<void> ReadCounts(sqlite::Database& db, const ReportAsk& ask, Report& report,
                        std::map<std::string, size_t, std::less<>>& index) {
  auto select = db.Prepare(
      "SELECT " WEIR_LEDGER_GROUP
      " AS line, count(*), sum(status = 0), sum(status = 1), sum(status = 2), "
      "sum(local AND status = 0), total(prompt_tokens), total(cached_tokens), "
      "total(completion_tokens), total(reasoning_tokens), sum(cost IS NULL), sum(counted_by = 2), "
      "sum(price IS NOT NULL AND cost > reserved AND reserved > 0), "
      "sum(counted_by = 1 AND status = 0 AND own_completion IS NOT NULL), "
      "total(CASE WHEN counted_by = 1 AND status = 0 AND own_completion IS NOT NULL THEN "
      "prompt_tokens + completion_tokens END), "
      "total(CASE WHEN counted_by = 1 AND status = 0 AND own_completion IS NOT NULL THEN "
      "own_prompt + own_completion END), total(energy_mj), sum(energy_mj IS NOT NULL), "
      "sum(strong_cost IS NOT NULL), sum(cheapest_cost IS NOT NULL), "
      "total(sound_s)" WEIR_LEDGER_WHERE "GROUP BY line");
  return ForEach(select, ask, [&](const sqlite::Statement& row) -> Result<void> {
    if (report.lines.size() >= kLinesMax) {
      return Fail(
          Code::kTooLarge,
          fmt::format("there are over {} lines by {}; ask for a shorter time", kLinesMax, ask.by),
          "since");
    }
    // total() is a double, exact up to 2^53: no sum of tokens overflows.
    const auto tokens = [&row](int column) { return static_cast<int64_t>(row.Real(column)); };
    Line& line = LineOf(report, index, row.Text(0));
    line.entries = row.Int(1);
    line.served = row.Int(2);
    line.cancelled = row.Int(3);
    line.failed = row.Int(4);
    line.local = row.Int(5);
    line.prompt_tokens = tokens(6);
    line.cached_tokens = tokens(7);
    line.completion_tokens = tokens(8);
    line.reasoning_tokens = tokens(9);
    line.unpriced = row.Int(10);
    line.estimated = row.Int(11);
    line.overrun = row.Int(12);
    line.compared = row.Int(13);
    line.their_tokens = tokens(14);
    line.our_tokens = tokens(15);
    line.energy_mj = tokens(16);
    line.energy_known = row.Int(17);
    line.strong_known = row.Int(18);
    line.cheapest_known = row.Int(19);
    line.sound_s = tokens(20);
    return {};
  });
}

// Whole units and the rest apart, so that no sum overflows.
Result<void> ReadCosts(sqlite::Database& db, const ReportAsk& ask, Report& report,
                       std::map<std::string, size_t, std::less<>>& index) {
  const auto into = [&](Money Line::* money) {
    return [&, money](const sqlite::Statement& row) -> Result<void> {
      (LineOf(report, index, row.Text(0)).*money)[std::string(row.Text(1))].Add(row.Int(2),
                                                                                row.Int(3));
      return {};
    };
  };
  auto cost = db.Prepare("SELECT " WEIR_LEDGER_GROUP
                         " AS line, currency, sum(cost / 1000000000000), "
                         "sum(cost % 1000000000000)" WEIR_LEDGER_WHERE
                         "AND price IS NOT NULL AND cost IS NOT NULL GROUP BY line, currency");
  if (auto read = ForEach(cost, ask, into(&Line::cost)); !read) return read;
  auto strong = db.Prepare(
      "SELECT " WEIR_LEDGER_GROUP
      " AS line, (SELECT p.currency FROM price p WHERE p.id = strong_price) AS money, "
      "sum(strong_cost / 1000000000000), sum(strong_cost % 1000000000000)" WEIR_LEDGER_WHERE
      "AND strong_price IS NOT NULL GROUP BY line, money");
  if (auto read = ForEach(strong, ask, into(&Line::strong)); !read) return read;
  auto cheapest = db.Prepare(
      "SELECT " WEIR_LEDGER_GROUP
      " AS line, (SELECT p.currency FROM price p WHERE p.id = cheapest_price) AS money, "
      "sum(cheapest_cost / 1000000000000), sum(cheapest_cost % 1000000000000)" WEIR_LEDGER_WHERE
      "AND cheapest_price IS NOT NULL GROUP BY line, money");
  return ForEach(cheapest, ask, into(&Line::cheapest));
}

Result<void> ReadRest(sqlite::Database& db, const ReportAsk& ask, Report& report) {
  auto strong = db.Prepare(
      "SELECT DISTINCT p.target FROM price p WHERE p.id IN (SELECT strong_price FROM entry WHERE "
      "?1 <> '' AND time >= ?2 AND (?3 IS NULL OR key = ?3)) ORDER BY 1");
  auto read = ForEach(strong, ask, [&](const sqlite::Statement& row) -> Result<void> {
    report.strong_targets.emplace_back(row.Text(0));
    return {};
  });
  if (!read) return read;
  auto cheapest = db.Prepare(
      "SELECT DISTINCT p.target FROM price p WHERE p.id IN (SELECT cheapest_price FROM entry WHERE "
      "?1 <> '' AND time >= ?2 AND (?3 IS NULL OR key = ?3)) ORDER BY 1");
  read = ForEach(cheapest, ask, [&](const sqlite::Statement& row) -> Result<void> {
    report.cheapest_targets.emplace_back(row.Text(0));
    return {};
  });
  if (!read) return read;
  // What was dropped has no key: it is told to those who may see everything.
  auto gaps = db.Prepare(
      "SELECT sum(entries), currency, sum(cost / 1000000000000), sum(cost % 1000000000000) FROM "
      "gap "
      "WHERE ?1 <> '' AND until_time >= ?2 AND ?3 IS NULL GROUP BY currency");
  return ForEach(gaps, ask, [&](const sqlite::Statement& row) -> Result<void> {
    report.missing += row.Int(0);
    if (!row.Text(1).empty())
      report.missing_cost[std::string(row.Text(1))].Add(row.Int(2), row.Int(3));
    return {};
  });
}

}  // namespace

const std::string_view kGroupings =
    "day, key, project, tenant, user, model, target, tier, label, task, status";

bool IsGrouping(std::string_view by) { return std::ranges::find(kNames, by) != kNames.end(); }

Result<Report> ReadReport(sqlite::Database& db, const ReportAsk& ask) {
  if (!IsGrouping(ask.by)) {
    return Fail(Code::kInvalidArgument, fmt::format("by takes one of {}", kGroupings), "by");
  }
  Report report{.by = ask.by, .since = ask.since};
  std::map<std::string, size_t, std::less<>> index;
  if (auto read = ReadCounts(db, ask, report, index); !read) return Fail(read.error());
  if (auto read = ReadCosts(db, ask, report, index); !read) return Fail(read.error());
  if (auto read = ReadRest(db, ask, report); !read) return Fail(read.error());
  for (const Line& line : report.lines) AddLine(report.total, line);
  AddMoney(report.total.cost, report.missing_cost);
  const auto most_first = [](const Line& line) {
    return std::pair(-(line.prompt_tokens + line.completion_tokens), line.name);
  };
  if (ask.by == "day") {
    std::ranges::sort(report.lines, {}, &Line::name);
  } else {
    std::ranges::sort(report.lines, {}, most_first);
  }
  return report;
}

Result<std::string> ReadEntries(sqlite::Database& db, const ReportAsk& ask, int64_t limit) {
  auto select = db.Prepare(
      "SELECT time, decision, key, key_name, tenant, project, user, asked, entry.target, model, "
      "tier, "
      "task, label, status, reason, prompt_tokens, cached_tokens, completion_tokens, "
      "reasoning_tokens, counted_by, entry.currency, cost, reserved, took_us, energy_mj, "
      "price.version, sound_s FROM entry LEFT JOIN price ON price.id = entry.price WHERE time >= "
      "?1 AND (?2 "
      "IS NULL OR key = ?2) ORDER BY entry.id DESC LIMIT ?3");
  if (!select) return Fail(select.error());
  select->Bind(Microseconds(ask.since), ask.only_key, std::clamp<int64_t>(limit, 1, kEntriesMax));
  std::string text;
  json::Writer writer(&text);
  const auto number = [&](std::string_view name, int column) {
    writer.Key(name);
    if (select->IsNull(column)) {
      writer.Null();
    } else {
      writer.Int(select->Int(column));
    }
  };
  writer.BeginArray();
  for (;;) {
    const auto row = select->Step();
    if (!row) return Fail(row.error());
    if (!*row) break;
    writer.BeginObject();
    writer.Field("time", static_cast<double>(select->Int(0)) / 1e6);
    constexpr std::string_view kTexts[] = {"decision", "key",  "key_name", "tenant",
                                           "project",  "user", "asked",    "target",
                                           "model",    "tier", "task",     "label"};
    for (int i = 0; i < static_cast<int>(std::size(kTexts)); ++i) {
      writer.Field(kTexts[i], select->Text(i + 1));
    }
    writer
        .Field("status",
               StatusName(static_cast<Status>(std::clamp<int64_t>(select->Int(13), 0, 2))))
        .Field("reason", select->Text(14));
    number("prompt_tokens", 15);
    number("cached_tokens", 16);
    number("completion_tokens", 17);
    number("reasoning_tokens", 18);
    number("sound_seconds", 26);
    writer.Field("estimated", select->Int(19) == static_cast<int>(CountedBy::kEstimate));
    writer.Key("cost");
    if (select->IsNull(21)) {
      writer.Null();
    } else {
      writer.String(MoneyText(select->Int(21)));
    }
    writer.Field("currency", select->Text(20)).Field("reserved", MoneyText(select->Int(22)));
    writer.Field("seconds", static_cast<double>(select->Int(23)) / 1e6);
    writer.Key("energy_joules");
    if (select->IsNull(24)) {
      writer.Null();
    } else {
      writer.Double(static_cast<double>(select->Int(24)) / 1e3);
    }
    writer.Field("price", select->Text(25)).EndObject();
  }
  writer.EndArray();
  return text;
}

}  // namespace weir::ledger
