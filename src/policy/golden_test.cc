// Golden decisions: each folder below testdata/golden is a configuration, requests and what is
// decided for them. A new case needs no C++; WEIR_GOLDEN_WRITE=1 writes what is decided now.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "config/load.h"
#include "policy/simulation.h"
#include "policy/whole_policy.h"
#include "privacy/detectors_from_settings.h"

namespace weir::policy {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const fs::path kGolden = fs::path(WEIR_SOURCE_DIR) / "src/policy/testdata/golden";

std::vector<std::string> LinesOf(const fs::path& path) {
  std::vector<std::string> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

config::Settings Load(const fs::path& file) {
  auto settings = config::Load({.flags = {{"config", file.string()}, {"data", "/nowhere"}},
                                .variable = [](const std::string&) { return std::nullopt; },
                                .system_file = "/nowhere"});
  EXPECT_TRUE(settings) << (settings ? "" : config::ToText(settings.error().front()));
  return std::move(*settings);
}

// The two default models and the one for embeddings, as `make models` leaves them.
models::Listing Store() {
  models::Listing listing;
  for (const char* name : {"all-minilm:l6", "qwen2.5-coder:0.5b", "qwen2.5-coder:1.5b"}) {
    listing.models.push_back({.name = *models::ParseName(name),
                              .sha256 = models::Catalogue::BuiltIn().Find(name)->sha256});
  }
  return listing;
}

struct Case {
  explicit Case(const fs::path& folder)
      : settings(Load(folder / "weir.toml")),
        whole(WholePolicy(settings, Store(), models::Catalogue::BuiltIn(),
                          [](const models::Manifest& manifest) {
                            return manifest.name.model == "all-minilm" ? Use::kEmbed
                                                                       : Use::kGenerate;
                          })),
        rules(LabelRulesOf(settings)),
        prices(TargetPricesOf(settings, ledger::PriceList::BuiltIn())) {}

  Simulation::World world() const {
    return {.policy = whole.policy,
            .label_rules = rules,
            .default_label = *settings.default_label,
            .experience = experience,
            .prices = prices};
  }

  const config::Settings settings;
  const Whole whole;
  const std::vector<privacy::LabelRule> rules;
  const std::map<std::string, ledger::Price> prices;
  const routing::Refit refit = {};
  const routing::Experience experience{.predictor = routing::Predictor::BuiltIn(),
                                       .draft_check = routing::DraftCheck::BuiltIn(),
                                       .refit = refit};
};

std::vector<std::string> Decided(const fs::path& folder) {
  const Case made(folder);
  const auto detector = privacy::DetectorOf(made.settings);
  EXPECT_TRUE(detector);
  const Simulation::World world = made.world();
  Simulation simulation(world, *detector);
  std::vector<std::string> lines;
  size_t number = 0;
  for (const std::string& request : LinesOf(folder / "requests.jsonl")) {
    const auto simulated = simulation.Decide(request);
    ++number;
    EXPECT_TRUE(simulated) << folder << " line " << number << ": "
                           << (simulated ? "" : simulated.error().message);
    if (simulated) lines.push_back(SimulatedJson(*simulated, number));
  }
  return lines;
}

TEST(Golden, DecisionsAreThoseOfTheFiles) {
  size_t cases = 0;
  for (const auto& folder : fs::directory_iterator(kGolden)) {
    ++cases;
    const std::vector<std::string> decided = Decided(folder);
    const fs::path expected = folder.path() / "decisions.jsonl";
    if (std::getenv("WEIR_GOLDEN_WRITE") != nullptr) {
      std::ofstream out(expected);
      for (const std::string& line : decided) out << line << "\n";
    }
    const std::vector<std::string> lines = LinesOf(expected);
    ASSERT_EQ(decided.size(), lines.size()) << folder;
    for (size_t i = 0; i < lines.size(); ++i) {
      EXPECT_EQ(decided[i], lines[i]) << folder << " request " << i + 1;
    }
  }
  EXPECT_GE(cases, 3u);
}

TEST(Golden, TheSameRequestsAreDecidedAlikeAgain) {
  for (const auto& folder : fs::directory_iterator(kGolden)) {
    EXPECT_EQ(Decided(folder), Decided(folder));
  }
}

TEST(Simulation, WhatIsWrongInALineIsNamed) {
  const Case made(kGolden / "labels");
  const auto detector = privacy::DetectorOf(made.settings);
  const Simulation::World world = made.world();
  Simulation simulation(world, *detector);
  const auto error = [&](std::string_view line) {
    const auto simulated = simulation.Decide(line);
    EXPECT_FALSE(simulated) << line;
    return simulated ? Error() : simulated.error();
  };
  constexpr std::string_view kMessages = R"("messages":[{"role":"user","content":"Hi"}])";
  const auto with = [&](std::string_view weir) {
    return R"({"model":"auto",)" + std::string(kMessages) + R"(,"weir":)" + std::string(weir) + "}";
  };
  EXPECT_EQ(error("{").code, Code::kInvalidArgument);
  EXPECT_EQ(error(R"({"model":"auto"})").param, "messages");
  EXPECT_EQ(error(with(R"({"label":"top"})")).param, "weir.label");
  EXPECT_EQ(error(with(R"({"label":"unscanned"})")).param, "weir.label");
  EXPECT_EQ(error(with(R"({"route":"moon"})")).param, "weir.route");
  EXPECT_EQ(error(with(R"({"projekt":"x"})")).param, "weir.projekt");
  EXPECT_EQ(error(with(R"({"at":-1})")).param, "weir.at");
  EXPECT_EQ(error(with("3")).param, "weir");
}

}  // namespace
}  // namespace weir::policy
