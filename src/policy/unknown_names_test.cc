#include "policy/unknown_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "config/load.h"
#include "routing/decision.h"

namespace weir::policy {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::string_view kRack =
    "[[backend]]\nname = 'rack'\nkind = 'openai'\ntier = 'cloud'\nurl = 'https://rack.example'\n"
    "region = 'eu'\nceiling = 'public'\n"
    "[[target]]\nname = 'big'\nbackend = 'rack'\nmodel = 'b'\n";

// Of a machine that has qwen2.5-coder:0.5b and my-own:latest.
std::vector<std::string> Told(const std::string& text) {
  std::string folder = testing::TempDir() + "names.XXXXXX";
  EXPECT_NE(mkdtemp(folder.data()), nullptr);
  std::ofstream(folder + "/weir.toml") << kRack << text;
  const auto settings =
      config::Load({.flags = {{"config", folder + "/weir.toml"}, {"data", "/nowhere"}},
                    .variable = [](const std::string&) { return std::nullopt; },
                    .system_file = "/nowhere"});
  std::filesystem::remove_all(folder);
  EXPECT_TRUE(settings) << (settings ? "" : config::ToText(settings.error().front()));
  models::Listing listing;
  for (const char* name : {"my-own:latest", "qwen2.5-coder:0.5b"}) {
    listing.models.push_back({.name = *models::ParseName(name)});
  }
  return UnknownNames(*settings, listing, models::Catalogue::BuiltIn());
}

TEST(UnknownNames, WhatIsHereOrMayBePulledIsKnown) {
  EXPECT_THAT(Told("[route.auto]\ntargets = ['fast', 'capable', 'my-own', 'rack/any', 'big']\n"
                   "[route.mine]\ntargets = ['auto', 'qwen2.5-coder:1.5b', 'qwen2.5-coder']\n"
                   "[[rule]]\nwhen = { model = ['auto', 'local', 'device', 'q*', 'reranker'] }\n"
                   "use = ['mine', 'embedding']\nregions = ['eu', 'local']\n"
                   "[[label]]\nmatch = { model = '*' }\nlabel = 'internal'\n"),
              IsEmpty());
}

TEST(UnknownNames, WhatStandsForNothingIsToldWithItsPlaceAndTheNearestName) {
  EXPECT_THAT(
      Told("[route.auto]\ntargets = ['fast', 'bgi']\n"),
      ElementsAre(AllOf(HasSubstr("weir.toml:13:11: route.auto.targets 'bgi' is no target, "),
                        EndsWith("; did you mean 'big'?"))));
  EXPECT_THAT(Told("[route.auto]\ntargets = ['rakc/m']\n"),
              ElementsAre(HasSubstr("route.auto.targets 'rakc/m' is no target")));
  EXPECT_THAT(Told("[[rule]]\nwhen = { images = true }\nuse = ['zzzzzzzzzzzzzzzz']\n"),
              ElementsAre(AllOf(HasSubstr("rule.use 'zzzz"), Not(HasSubstr("did you mean")))));
  EXPECT_THAT(Told("[[rule]]\nwhen = { model = 'atuo' }\nuse = ['fast']\n"),
              ElementsAre(AllOf(HasSubstr("rule.when.model 'atuo' fits no model"),
                                EndsWith("; did you mean 'auto'?"))));
  EXPECT_THAT(Told("[[label]]\nmatch = { model = 'bigg*' }\nlabel = 'secret'\n"),
              ElementsAre(HasSubstr("label.match.model 'bigg*' fits no model")));
  EXPECT_THAT(Told("[[rule]]\nwhen = { images = true }\nregions = ['mars', 'eu']\n"),
              ElementsAre(HasSubstr("rule.regions 'mars' is the region of no backend; known here: "
                                    "local, eu")));
}

TEST(UnknownNames, TheConfigurationKnowsTheTasks) {
  std::vector<std::string_view> names;
  for (int task = 0; task < routing::kTaskCount; ++task) {
    names.push_back(routing::TaskName(static_cast<routing::Task>(task)));
  }
  EXPECT_TRUE(std::ranges::equal(names, config::kTaskNames));
}

}  // namespace
}  // namespace weir::policy
