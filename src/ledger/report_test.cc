#include "ledger/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/parse.h"
#include "ledger/journal.h"

namespace weir::ledger {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ReportTest : public testing::Test {
 protected:
  ReportTest() : db_(sqlite::Database::OpenInMemory().value()) {
    auto journal = Journal::Open(db_).value();
    const auto price = [](std::string target, std::string currency) {
      return std::make_shared<const Price>(Price{.target = std::move(target),
                                                 .currency = std::move(currency),
                                                 .input = 1,
                                                 .output = 1,
                                                 .source = "configuration",
                                                 .version = "v"});
    };
    const auto usd = price("big", "USD");
    const auto eur = price("grand", "EUR");
    const std::vector<Command> commands = {
        Entry{.time = At(0),
              .decision = "1",
              .key = "key_a",
              .key_name = "anna",
              .target = "big",
              .tier = "cloud",
              .usage = {.prompt_tokens = 10, .cached_tokens = 4, .completion_tokens = 2},
              .counted_by = CountedBy::kTarget,
              .own = {.prompt_tokens = 9, .completion_tokens = 1},
              .price = usd,
              .cost = 3 * kPicoPerUnit,
              .reserved = 2 * kPicoPerUnit},
        Entry{.time = At(0),
              .decision = "2",
              .key = "key_b",
              .key_name = "ben",
              .target = "grand",
              .tier = "cloud",
              .status = Status::kCancelled,
              .usage = {.prompt_tokens = 1, .completion_tokens = 1},
              .counted_by = CountedBy::kEstimate,
              .price = eur,
              .cost = 5},
        Entry{.time = At(1),
              .decision = "3",
              .key = "key_b",
              .key_name = "ben",
              .target = "small",
              .tier = "device",
              .usage = {.prompt_tokens = 100, .completion_tokens = 50},
              .counted_by = CountedBy::kTarget,
              .cost = 0,
              .energy_mj = 1500,
              .local = true,
              .strong = {usd, 7},
              .cheapest = {eur, 6}},
        Entry{.time = At(1), .decision = "4", .target = "rack", .tier = "edge", .local = true},
    };
    EXPECT_TRUE(journal.Apply(commands).has_value());
  }
  static WallTime At(int day) { return WallTime(std::chrono::hours(24 * (20'000 + day))); }

  sqlite::Database db_;
};

TEST_F(ReportTest, SumsEveryCurrencyApart) {
  const Report report = ReadReport(db_, {.by = "tier"}).value();
  EXPECT_EQ(report.total.entries, 4);
  EXPECT_EQ(report.total.cost.at("USD").Text(), "3");
  EXPECT_EQ(report.total.cost.at("EUR").Text(), MoneyText(5));
  EXPECT_EQ(report.total.cost.size(), 2u);  // what has no price is in none
  EXPECT_EQ(report.total.unpriced, 1);
  EXPECT_EQ(report.total.strong.at("USD").Text(), MoneyText(7));
  EXPECT_EQ(report.total.cheapest.at("EUR").Text(), MoneyText(6));
  EXPECT_THAT(report.strong_targets, ElementsAre("big"));
  EXPECT_THAT(report.cheapest_targets, ElementsAre("grand"));
}

TEST_F(ReportTest, LinesAreByWhatWasAsked) {
  const auto names = [this](std::string by) {
    std::vector<std::string> lines;
    for (const Line& line : ReadReport(db_, {.by = std::move(by)}).value().lines) {
      lines.push_back(line.name);
    }
    return lines;
  };
  EXPECT_THAT(names("day"), ElementsAre("2024-10-04", "2024-10-05"));
  EXPECT_THAT(names("key"), ElementsAre("ben", "anna", ""));
  EXPECT_THAT(names("tier"), ElementsAre("device", "cloud", "edge"));
  EXPECT_THAT(names("status"), ElementsAre("served", "cancelled"));
  EXPECT_EQ(ReadReport(db_, {.by = "moon"}).error().param, "by");
}

TEST_F(ReportTest, CountsEstimatesOverrunsDriftAndEnergy) {
  const Line total = ReadReport(db_, {.by = "day"}).value().total;
  EXPECT_EQ(total.cancelled, 1);
  EXPECT_EQ(total.estimated, 1);
  EXPECT_EQ(total.overrun, 1);
  EXPECT_EQ(total.compared, 1);
  EXPECT_EQ(total.their_tokens, 12);
  EXPECT_EQ(total.our_tokens, 10);
  EXPECT_EQ(total.energy_mj, 1500);
  EXPECT_EQ(total.local, 2);
  EXPECT_EQ(total.cached_tokens, 4);
}

TEST_F(ReportTest, AKeySeesItsOwnAlone) {
  const Report report = ReadReport(db_, {.by = "target", .only_key = "key_a"}).value();
  EXPECT_EQ(report.total.entries, 1);
  EXPECT_EQ(report.lines.at(0).name, "big");
}

TEST_F(ReportTest, SinceLeavesOutWhatWasBefore) {
  EXPECT_EQ(ReadReport(db_, {.by = "day", .since = At(1)}).value().total.entries, 2);
}

TEST_F(ReportTest, EntriesComeNewestFirstAsJson) {
  const std::string text = ReadEntries(db_, {}, 2).value();
  const auto entries = json::Parse(text).value();
  ASSERT_EQ(entries.AsArray()->size(), 2u);
  EXPECT_EQ(*(*entries.AsArray())[0].Find("decision")->AsString(), "4");
  EXPECT_TRUE((*entries.AsArray())[0].Find("cost")->is_null());
  EXPECT_THAT(text, HasSubstr(R"("energy_joules":1.5)"));
}

TEST_F(ReportTest, ItsJsonSaysMoneyAsTexts) {
  const auto report = ReadReport(db_, {.by = "tier"}).value();
  EXPECT_THAT(ReportJson(report), HasSubstr(R"("cost":{"EUR":"0.000000000005","USD":"3"})"));
  EXPECT_TRUE(json::Parse(ReportJson(report)).has_value());
}

}  // namespace
}  // namespace weir::ledger
