#include "config/show.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/parse.h"

namespace weir::config {
namespace {

using testing::HasSubstr;

Settings Parse(std::string_view text) {
  Settings settings;
  settings.file = "/somewhere/weir.toml";
  Problems problems;
  ParseInto(text, "weir.toml", settings, problems);
  for (const Problem& problem : std::move(problems).Take())
    ADD_FAILURE() << ToText(problem) << "\n" << text;
  return settings;
}

// Without the comments, which say different places.
std::string Values(const std::string& shown) {
  std::string values;
  for (size_t at = 0; at < shown.size();) {
    const size_t end = shown.find('\n', at);
    const std::string line = shown.substr(at, end - at);
    values += line.substr(0, line.find("  # ")) + "\n";
    at = end + 1;
  }
  return values;
}

TEST(Show, EachValueSaysWhereItCameFrom) {
  const std::string shown = Show(Parse("drain_timeout = '10s'\n[limits]\nbody = '1MiB'\n"));
  EXPECT_THAT(shown, HasSubstr("drain_timeout = \"10s\"  # weir.toml:1\n"));
  EXPECT_THAT(shown, HasSubstr("keep_alive = \"5m\"  # default\n"));
  EXPECT_THAT(shown, HasSubstr("body = \"1MiB\"  # weir.toml:3\n"));
  EXPECT_THAT(shown, HasSubstr("[[backend]]  # default\nname = \"here\"  # default\n"));
}

TEST(Show, WhatIsShownReadsAsTheSameSettings) {
  Settings settings = Parse(R"(
listen = ["127.0.0.1:0", "[::1]:9347"]
keep_alive = "forever"
[[backend]]
name = "o"
kind = "openai"
tier = "cloud"
url = "https://api.example/v1"
key_env = "KEY"
ca_file = ""
region = "eu"
[[backend]]
name = "rack"
kind = "openai"
tier = "edge"
url = "http://127.0.0.1:8000/v1"
command = ["vllm", "serve", "a \"quoted\" model"]
health = "/ready"
start_timeout = "20m"
[[detector]]
name = "mine"
words = ["a", "b"]
label = "secret"
[[detector]]
name = "email"
enabled = false
[[target]]
name = "t"
backend = "o"
model = "a \"quoted\" \\ name"
context = 1000
tools = false
price = { currency = "EUR", input_per_million = 0.000001, output_per_million = "12.5", per_minute = 0.006 }
[[label]]
match = { project = "hr", key = "team-*" }
label = "secret"
[route.auto]
targets = ["t"]
goal = { cost_per_day_max = 0.30 }
min_confidence = 0.85
[[rule]]
when = { images = true, label = ["personal", "secret"] }
use = ["t"]
[budget.team]
keys = ["team-*"]
per_month = 100
[model."a:b"]
threads = 2
tensor_split = [3, 0.5]
cpu_moe_layers = 0
keep_alive = 90
)");
  settings.data.value = "/data";
  settings.models.value = "/data/models";
  const std::string shown = Show(settings);
  EXPECT_EQ(Values(Show(Parse(shown))), Values(shown));
}

}  // namespace
}  // namespace weir::config
