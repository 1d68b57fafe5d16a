#include "server/ledger_routes.h"

#include <fmt/core.h>

#include <charconv>
#include <utility>

#include "base/duration.h"
#include "http/message.h"
#include "json/append.h"
#include "json/writer.h"
#include "ledger/report.h"

namespace weir::server {
namespace {

using ledger::MoneyText;

Error NoLedger() { return {Code::kUnavailable, "this server keeps no ledger", "", "no_ledger"}; }

struct LedgerAsked {
  ledger::ReportAsk report = {};
  int64_t entries = 0;  // 0: sums
};

Result<LedgerAsked> ReadAsked(const Site& site, const Call& call) {
  LedgerAsked asked;
  const std::string& query = call.request().query;
  asked.report.by = http::QueryValue(query, "by").value_or("day");
  if (!ledger::IsGrouping(asked.report.by)) {
    return Fail(Code::kInvalidArgument, fmt::format("by takes one of {}", ledger::kGroupings),
                "by");
  }
  if (const auto since = http::QueryValue(query, "since")) {
    const auto ms = DurationMs(*since);
    if (!ms || *ms <= 0) {
      return Fail(Code::kInvalidArgument, "since takes a duration like 7d or 12h", "since");
    }
    asked.report.since = site.clock.WallNow() - std::chrono::milliseconds(*ms);
  }
  if (const auto entries = http::QueryValue(query, "entries")) {
    const auto [end, error] =
        std::from_chars(entries->data(), entries->data() + entries->size(), asked.entries);
    if (error != std::errc() || end != entries->data() + entries->size() || asked.entries < 1 ||
        asked.entries > ledger::kEntriesMax) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("entries takes a number from 1 to {}", ledger::kEntriesMax),
                  "entries");
    }
  }
  const chat::Principal& principal = call.asked.principal;
  if (!principal.Has(chat::Scope::kAdmin)) asked.report.only_key = principal.key_id;
  return asked;
}

Result<std::string> Answer(sqlite::Database& db, const LedgerAsked& asked) {
  if (asked.entries > 0) {
    auto entries = ledger::ReadEntries(db, asked.report, asked.entries);
    if (!entries) return entries;
    return fmt::format(R"({{"object":"list","data":{}}})", *entries);
  }
  const auto report = ledger::ReadReport(db, asked.report);
  if (!report) return Fail(report.error());
  return ledger::ReportJson(*report);
}

void AppendBudget(json::Writer& writer, const gateway::LedgerAccounts::BudgetState& state) {
  const ledger::Budget& budget = state.budget;
  const ledger::Purses::Seen& seen = state.seen;
  const ledger::Pico gone = ledger::Add(seen.spent, seen.held);
  const ledger::Pico left = std::max<ledger::Pico>(0, ledger::Add(state.limit, -gone));
  writer.BeginObject()
      .Field("name", budget.name)
      .Field("window", ledger::WindowName(state.window))
      .Field("currency", budget.currency)
      .Field("hard", budget.hard)
      .Field("when_empty", budget.refuses ? "refuse" : "lower")
      .Field("limit", MoneyText(state.limit))
      .Field("spent", MoneyText(seen.spent))
      .Field("held", MoneyText(seen.held))
      .Field("reserved", MoneyText(seen.reserved))
      .Field("left", MoneyText(left))
      .Field("over", gone > state.limit);
  writer.Key("ends");
  if (state.ends) {
    writer.Int(UnixSeconds(*state.ends));
  } else {
    writer.Null();
  }
  json::AppendTexts(writer, "keys", budget.keys);
  json::AppendTexts(writer, "projects", budget.projects);
  json::AppendTexts(writer, "tenants", budget.tenants);
  json::AppendTexts(writer, "users", budget.users);
  writer.EndObject();
}

// A budget is shown to those whom it covers.
bool MaySee(const chat::Principal& principal, const ledger::Budget& budget) {
  return principal.Has(chat::Scope::kAdmin) || ledger::Covers(budget, principal);
}

void Head(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

void RenderBudgets(const gateway::LedgerAccounts& accounts, std::string& out) {
  const auto states = accounts.Budgets();
  const auto each = [&](std::string_view name, std::string_view help, auto value) {
    if (states.empty()) return;
    Head(out, name, "gauge", help);
    for (const auto& state : states) {
      if (!state.seen.known) continue;  // unknown is not zero
      out += fmt::format("{}{{budget=\"{}\",window=\"{}\",currency=\"{}\"}} {}\n", name,
                         EscapedLabel(state.budget.name), ledger::WindowName(state.window),
                         state.budget.currency, MoneyText(value(state)));
    }
  };
  each("weir_budget_limit", "What may be spent in the present period.",
       [](const auto& state) { return state.limit; });
  each("weir_budget_spent", "Spent in the present period.",
       [](const auto& state) { return state.seen.spent; });
  each("weir_budget_held", "Counted as spent since a crash.",
       [](const auto& state) { return state.seen.held; });
  each("weir_budget_reserved", "What requests that run now may still cost.",
       [](const auto& state) { return state.seen.reserved; });
}

}  // namespace

Task<void> GetLedger(Site& site, Call& call) {
  const auto asked = ReadAsked(site, call);
  if (!asked || site.accounts == nullptr) {
    co_await call.SendError(asked ? NoLedger() : asked.error());
    co_return;
  }
  auto answer = co_await site.accounts->ledger().Ask<std::string>(
      [asked = *asked](sqlite::Database& db) { return Answer(db, asked); });
  if (!answer) {
    co_await call.SendError(answer.error());
    co_return;
  }
  co_await call.SendJson(200, std::move(*answer));
}

Task<void> GetBudgets(Site& site, Call& call) {
  if (site.accounts == nullptr) {
    co_await call.SendError(NoLedger());
    co_return;
  }
  const std::string name = http::PercentDecode(call.tail).value_or(call.tail);
  // Right after the start, or after a key was made, the disk may not have said yet what is in them.
  site.accounts->Prepare(name);
  if (auto known = co_await site.accounts->ledger().Flush(); !known) {
    co_await call.SendError(known.error());
    co_return;
  }
  std::string body;
  json::Writer writer(&body);
  writer.BeginObject().Field("object", "list").Key("data").BeginArray();
  for (const auto& state : site.accounts->Budgets(name)) {
    if (MaySee(call.asked.principal, state.budget)) AppendBudget(writer, state);
  }
  writer.EndArray().EndObject();
  co_await call.SendJson(200, std::move(body));
}

Task<void> PostBudget(Site& site, Call& call) {
  constexpr std::string_view kRelease = "/release";
  std::string name = http::PercentDecode(call.tail).value_or("");
  if (site.accounts == nullptr) {
    co_await call.SendError(NoLedger());
    co_return;
  }
  const bool is_release = name.size() > kRelease.size() && name.ends_with(kRelease);
  name.resize(is_release ? name.size() - kRelease.size() : 0);
  const auto states = is_release ? site.accounts->Budgets(name)
                                 : std::vector<gateway::LedgerAccounts::BudgetState>();
  for (const auto& state : states) {
    const auto released = co_await site.accounts->ledger().ReleaseHeld(state.seen.purse);
    if (!released) {
      co_await call.SendError(released.error());
      co_return;
    }
  }
  if (states.empty()) {
    co_await call.SendError({Code::kNotFound,
                             "there is no such budget; write /weir/v1/budgets/NAME/release", "name",
                             "budget_not_found"});
    co_return;
  }
  co_await call.SendJson(200, R"({"released":true})");
}

std::string RenderLedger(gateway::LedgerAccounts& accounts) {
  std::string out;
  const ledger::Ledger::Figures figures = accounts.ledger().figures();
  const auto counter = [&](std::string_view name, std::string_view help, uint64_t value) {
    Head(out, name, "counter", help);
    out += fmt::format("{} {}\n", name, value);
  };
  counter("weir_ledger_entries_total", "Attempts that were booked.", figures.booked);
  counter("weir_ledger_written_total", "Entries that are on the disk.", figures.written);
  counter("weir_ledger_dropped_total", "Lines that were not kept; their money was.",
          figures.dropped);
  counter("weir_ledger_failures_total", "Writes that the disk refused.", figures.failures);
  counter("weir_budget_refused_total", "Attempts that no budget could pay.", figures.refused);
  Head(out, "weir_ledger_pending", "gauge", "Entries that wait for the writer.");
  out += fmt::format("weir_ledger_pending {}\n", figures.pending);
  Head(out, "weir_spend_total", "counter", "Money by target since the start; exact decimals.");
  for (const auto& [key, spend] : accounts.spends()) {
    if (key.second.empty()) continue;
    out += fmt::format("weir_spend_total{{target=\"{}\",currency=\"{}\"}} {}\n",
                       EscapedLabel(key.first), key.second, spend.cost.Text());
  }
  Head(out, "weir_unpriced_total", "counter", "Attempts whose cost nobody knows.");
  for (const auto& [key, spend] : accounts.spends()) {
    if (spend.unpriced == 0) continue;
    out += fmt::format("weir_unpriced_total{{target=\"{}\"}} {}\n", EscapedLabel(key.first),
                       spend.unpriced);
  }
  RenderBudgets(accounts, out);
  return out;
}

}  // namespace weir::server
