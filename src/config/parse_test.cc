#include "config/parse.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace weir::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Outcome {
  Settings settings;
  std::vector<std::string> problems;
};

Outcome Parse(std::string_view text) {
  Outcome outcome;
  Problems problems;
  ParseInto(text, "weir.toml", outcome.settings, problems);
  for (const Problem& problem : std::move(problems).Take()) {
    outcome.problems.push_back(ToText(problem));
  }
  return outcome;
}

Settings ParseGood(std::string_view text) {
  Outcome outcome = Parse(text);
  EXPECT_THAT(outcome.problems, testing::IsEmpty());
  return std::move(outcome.settings);
}

std::string OnlyProblem(std::string_view text) {
  const Outcome outcome = Parse(text);
  EXPECT_EQ(outcome.problems.size(), 1u) << testing::PrintToString(outcome.problems);
  return outcome.problems.empty() ? "" : outcome.problems[0];
}

constexpr std::string_view kExample = R"(
listen = ["127.0.0.1:9347"]
default_label = "personal"

[[backend]]
name = "here"
kind = "engine"
tier = "device"

[[backend]]
name = "rack"
kind = "openai"
tier = "edge"
url  = "http://127.0.0.1:8000/v1"
ceiling = "secret"

[[backend]]
name = "openai"
kind = "openai"
tier = "cloud"
url  = "https://api.openai.com/v1"
key_env = "OPENAI_API_KEY"
ca_file = ""
region = "us"

[[target]]
name = "big"
backend = "openai"
model = "gpt-5.5"
context = 400000
max_output = 128000
vision = true
audio = false
tools = true
json_schema = true
reasoning = true
price = { currency = "USD", input_per_million = 5.00, cached_input_per_million = "0.001", output_per_million = 30 }

[[label]]
match = { project = "hr" }
label = "personal"

[route.auto]
targets = ["fast", "capable", "rack/qwen3-30b", "big"]
goal = { cloud_share_max = 0.20 }
min_confidence = 0.85
buffer = false

[[rule]]
when = { images = true }
use  = ["big"]

[[rule]]
when = { project = "hr" }
regions = ["eu", "local"]

[budget.team]
keys = ["team-*"]
per_day = 5.00
hard = true
)";

TEST(Parse, TheWholeSurfaceIsUnderstood) {
  const Settings settings = ParseGood(kExample);
  EXPECT_EQ(*settings.default_label, chat::Label::kPersonal);
  ASSERT_EQ(settings.backends.size(), 3u);
  EXPECT_EQ(*settings.backends[1].url, "http://127.0.0.1:8000/v1");
  EXPECT_EQ(*settings.backends[2].kind, BackendKind::kOpenAi);
  ASSERT_EQ(settings.targets.size(), 1u);
  const Target& big = settings.targets[0];
  EXPECT_EQ(*big.context, 400000);
  EXPECT_EQ(*big.audio, false);
  EXPECT_EQ(*big.price.input, 5'000'000);
  EXPECT_EQ(*big.price.cached_input, 1000);
  EXPECT_EQ(*big.price.output, 30'000'000);
  EXPECT_EQ(*settings.labels[0].project, "hr");
  ASSERT_EQ(settings.routes.size(), 1u);
  EXPECT_EQ(settings.routes[0].name, "auto");
  EXPECT_EQ(std::get<CloudShareMax>(*settings.routes[0].goal).share, 0.2);
  ASSERT_EQ(settings.rules.size(), 2u);
  EXPECT_EQ(settings.rules[0].when[0].feature, "images");
  EXPECT_THAT(*settings.rules[1].regions, ElementsAre("eu", "local"));
  EXPECT_EQ(*settings.budgets[0].per_day, 5'000'000'000'000);
  EXPECT_TRUE(*settings.budgets[0].hard);
}

// All blocks of the documentation are one configuration.
TEST(Parse, TheDocumentationIsUnderstood) {
  std::ifstream in(WEIR_SOURCE_DIR "/docs/formats/configuration.md");
  std::string text;
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("```")) {
      inside = line == "```toml";
    } else if (inside) {
      text += line + "\n";
    }
  }
  const Settings settings = ParseGood(text);
  EXPECT_EQ(settings.budgets.size(), 1u);
  EXPECT_EQ(*settings.targets.at(0).price.cached_input, 10'000);
  // What the text calls a default is one.
  const Settings defaults;
  EXPECT_EQ(*settings.limits.body, *defaults.limits.body);
  EXPECT_EQ(*settings.limits.stream_buffer, *defaults.limits.stream_buffer);
  EXPECT_EQ(*settings.limits.output_tokens, *defaults.limits.output_tokens);
  EXPECT_EQ(*settings.drain_timeout, *defaults.drain_timeout);
  EXPECT_EQ(*settings.keep_alive, *defaults.keep_alive);
}

TEST(Parse, EveryValueKnowsItsLine) {
  const Settings settings = ParseGood("listen = '127.0.0.1:0'\n\n  drain_timeout = '10s'\n");
  EXPECT_EQ(settings.listen.place.line, 1u);
  EXPECT_EQ(settings.drain_timeout.place.line, 3u);
  EXPECT_EQ(settings.drain_timeout.place.column, 19u);
  EXPECT_EQ(settings.keep_alive.place.origin, Origin::kDefault);
}

TEST(Parse, WhatIsNotSaidIsUnknownAndNotNo) {
  const Settings settings = ParseGood(
      "[[backend]]\nname='o'\nkind='ollama'\ntier='edge'\nurl='http://127.0.0.1:11434'\n"
      "[[target]]\nname='t'\nbackend='o'\nmodel='m'\n");
  EXPECT_EQ(*settings.targets[0].vision, std::nullopt);
  EXPECT_EQ(*settings.targets[0].price.input, std::nullopt);
}

TEST(Parse, ACloudGetsNothingUntilSomebodyWritesIt) {
  const Settings settings = ParseGood(
      "[[backend]]\nname='c'\nkind='anthropic'\ntier='cloud'\nurl='https://api.anthropic.com'\n"
      "[[backend]]\nname='e'\nkind='openai'\ntier='edge'\nurl='https://rack.example'\n");
  ASSERT_EQ(settings.backends.size(), 3u);
  EXPECT_EQ(*settings.backends[0].name, "here") << "an engine is there without being declared";
  EXPECT_EQ(*settings.backends[1].ceiling, chat::Label::kPublic);
  EXPECT_EQ(*settings.backends[2].ceiling, chat::Label::kSecret);
}

TEST(Parse, AnUnknownKeyNamesThePlaceAndTheNearestKnownKey) {
  EXPECT_EQ(OnlyProblem("\nlisten_on = []"),
            "weir.toml:2:1: unknown key 'listen_on'; did you mean 'listen'?");
  EXPECT_EQ(
      OnlyProblem("[route.auto]\ntargets=['a']\nmin_confidense = 0.5"),
      "weir.toml:3:1: unknown key 'min_confidense' in route.auto; did you mean 'min_confidence'?");
  EXPECT_THAT(OnlyProblem("[limits]\nbodyy = '1MiB'"), HasSubstr("did you mean 'body'?"));
  EXPECT_THAT(OnlyProblem("[[rule]]\nwhen = {image=true}\nuse=['a']"), HasSubstr("'images'"));
  EXPECT_THAT(OnlyProblem("[[backends]]\nname='a'"), HasSubstr("did you mean 'backend'?"));
}

TEST(Parse, AllMistakesAreToldAtOnce) {
  const Outcome outcome = Parse(
      "default_label = 'privat'\ndrain_timeout = true\n[limits]\nchoices = 1000\nqueue = 'many'\n");
  EXPECT_THAT(
      outcome.problems,
      testing::UnorderedElementsAre(
          AllOf(HasSubstr("weir.toml:1:17: default_label takes one of"), HasSubstr("'privat'")),
          HasSubstr("weir.toml:2:17: drain_timeout takes a duration"),
          "weir.toml:4:11: limits.choices takes a whole number from 1 to 128, not 1000",
          HasSubstr("limits.queue takes a whole number")));
}

TEST(Parse, TheListOfMistakesIsBounded) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "k" + std::to_string(i) + " = 1\n";
  const Outcome outcome = Parse(text);
  ASSERT_EQ(outcome.problems.size(), Problems::kMax + 1);
  EXPECT_EQ(outcome.problems.back(), "and 950 more problems");
}

TEST(Parse, NamesAreUsedOnce) {
  EXPECT_EQ(
      OnlyProblem(
          "[[backend]]\nname='here'\nkind='engine'\n[[backend]]\nname='here'\nkind='engine'\n"),
      "weir.toml:5:6: backend 'here' is defined twice, first in line 2");
  const std::string target = "[[target]]\nname='t'\nbackend='here'\nmodel='m'\n";
  EXPECT_THAT(OnlyProblem(target + target),
              HasSubstr("target 't' is defined twice, first in line 2"));
  EXPECT_THAT(OnlyProblem(target + "[route.t]\ntargets=['t']"),
              HasSubstr("has the name of the target"));
  EXPECT_THAT(OnlyProblem("[[target]]\nname='auto'\nbackend='here'\nmodel='m'"),
              HasSubstr("virtual model"));
}

TEST(Parse, ATargetsBackendMustExist) {
  EXPECT_EQ(OnlyProblem("[[target]]\nname='t'\nbackend='her'\nmodel='m'"),
            "weir.toml:3:9: target.backend 'her' is no backend; did you mean 'here'?");
}

TEST(Parse, AKeyInTheFileIsRefusedAndNotRepeated) {
  const std::string problem = OnlyProblem(
      "[[backend]]\nname='o'\nkind='openai'\ntier='cloud'\nurl='https://"
      "a.example'\napi_key='sk-hunter2'");
  EXPECT_THAT(problem, HasSubstr("key_env"));
  EXPECT_EQ(problem.find("hunter2"), std::string::npos);
}

TEST(Parse, ABackendIsWholeOrRefused) {
  EXPECT_THAT(OnlyProblem("[[backend]]\nname='o'\nkind='openai'\ntier='edge'"),
              HasSubstr("backend.url is missing"));
  EXPECT_THAT(OnlyProblem("[[backend]]\nname='o'\nkind='openai'\nurl='https://a.example'"),
              HasSubstr("backend.tier is missing"));
  EXPECT_THAT(OnlyProblem("[[backend]]\nkind='engine'"), HasSubstr("backend.name is missing"));
  EXPECT_THAT(OnlyProblem("[[backend]]\nname='o'\nkind='engine'\ntier='cloud'"),
              HasSubstr("tier device"));
  EXPECT_THAT(OnlyProblem("[backend]\nname='o'"), HasSubstr("write [[backend]]"));
  EXPECT_THAT(
      OnlyProblem("[[backend]]\nname='o'\nkind='openai'\ntier='cloud'\nurl='http://a.example'"),
      HasSubstr("http:// only for loopback"));
}

std::string WithPrice(std::string_view price) {
  return "[[target]]\nname='t'\nbackend='here'\nmodel='m'\nprice = { currency = 'USD', "
         "input_per_million = " +
         std::string(price) + " }\n";
}

TEST(Parse, PricesComeFromTheDigitsAndNotFromADouble) {
  const auto input = [](std::string_view price) {
    return **ParseGood(WithPrice(price)).targets[0].price.input;
  };
  EXPECT_EQ(input("0.1"), 100'000);
  EXPECT_EQ(input("0.000001"), 1);
  EXPECT_EQ(input("'0.000001'"), 1);
  EXPECT_EQ(input("1_000.25"), 1'000'250'000);
  EXPECT_EQ(input("9007199254740.993"), 9007199254740993000) << "no double holds this";
  for (const char* bad : {"0.0000001", "-1", "-0.5", "1e-3", "inf", "nan", "true",
                          "0.10000000000000001", "99999999999999.5", "'1,5'"}) {
    EXPECT_THAT(OnlyProblem(WithPrice(bad)), HasSubstr("weir.toml:5:")) << bad;
  }
}

TEST(Parse, AMinuteOfSoundHasAPriceOfItsOwn) {
  const auto target = [](std::string_view per_minute) {
    return "[[target]]\nname='t'\nbackend='here'\nmodel='m'\nprice = { currency = 'USD', "
           "per_minute = " +
           std::string(per_minute) + " }\n";
  };
  EXPECT_EQ(*ParseGood(target("0.006")).targets[0].price.per_minute, 6'000'000'000);
  EXPECT_EQ(*ParseGood(target("'0.000666666667'")).targets[0].price.per_minute, 666'666'667);
  EXPECT_THAT(OnlyProblem(target("-1")), HasSubstr("weir.toml:5:"));
}

TEST(Parse, PricesAreFoundBehindOtherScriptsOnTheirLine) {
  const Settings settings = ParseGood(
      "[budget.team]\nkeys = ['a'] # \xc3\xa4\nper_day = 0.25\n"
      "[route.auto]\ntargets=[ '\xe6\xb0\xb4\xe5\xa0\xb0' ]\ngoal = { cost_per_day_max = 0.30 }\n");
  EXPECT_EQ(*settings.budgets[0].per_day, 250'000'000'000);
  EXPECT_EQ(std::get<CostPerDayMax>(*settings.routes[0].goal).pico, 300'000'000'000);
  const Settings inline_table = ParseGood(
      "label = [{match={user='\xc3\xa4\xf0\x9f\x8c\x8a'},label='secret'}]\n"
      "model = {'a' = {file='\xf0\x9f\x8c\x8a', keep_alive=2}}\n");
  EXPECT_EQ(*inline_table.model_settings[0].keep_alive, std::chrono::seconds(2));
}

TEST(Parse, EnergyHasAPriceInACurrency) {
  const Settings settings =
      ParseGood("[engine]\nwatts = 45\nenergy_price = { per_kwh = 0.31, currency = 'EUR' }\n");
  EXPECT_EQ(*settings.engine.energy_price.per_kwh, 310'000'000'000);
  EXPECT_EQ(*settings.engine.energy_price.currency, "EUR");
  EXPECT_EQ(*ParseGood("[engine]\nwatts = 45\n").engine.energy_price.per_kwh, std::nullopt);
  EXPECT_THAT(OnlyProblem("[engine]\nenergy_price = { per_kwh = 0.31 }"),
              HasSubstr("engine.energy_price.currency is missing"));
  EXPECT_THAT(OnlyProblem("[engine]\nenergy_price = { currency = 'EUR' }"),
              HasSubstr("engine.energy_price.per_kwh is missing"));
  EXPECT_THAT(OnlyProblem("[engine]\nenergy_price = { currency = 'XYZ', per_kwh = 1 }"),
              HasSubstr("no currency"));
  EXPECT_THAT(OnlyProblem("[engine]\nenergy_price = { currency = 'EUR', per_kwh = -1 }"),
              HasSubstr("engine.energy_price.per_kwh"));
  EXPECT_THAT(OnlyProblem("[engine]\nenergy_price = 0.31"), HasSubstr("takes a table"));
}

TEST(Parse, AGoalIsExactlyOneWish) {
  EXPECT_THAT(OnlyProblem("[route.a]\ntargets=['x']\ngoal={cloud_share_max=0.1, quality_min=0.5}"),
              HasSubstr("exactly one of"));
  EXPECT_THAT(OnlyProblem("[route.a]\ntargets=['x']\ngoal={}"), HasSubstr("exactly one of"));
  EXPECT_THAT(OnlyProblem("[route.a]\ntargets=['x']\ngoal={quality_min=0.5, currency='EUR'}"),
              HasSubstr("beside cost_per_day_max alone"));
  EXPECT_THAT(OnlyProblem("[route.a]\ntargets=['x']\ngoal={cost_per_day_max=1, currency='XYZ'}"),
              HasSubstr("no currency"));
  EXPECT_THAT(OnlyProblem("[route.a]\ntargets=['x']\ngoal={cloud_share_max=1.5}"),
              HasSubstr("from 0 to 1"));
}

TEST(Parse, ARuleThatDecidesNothingIsRefused) {
  EXPECT_THAT(OnlyProblem("[[rule]]\nwhen={images=true}"), HasSubstr("decides nothing"));
  EXPECT_THAT(OnlyProblem("[[rule]]\nuse=['a']"), HasSubstr("rule.when is missing"));
  EXPECT_THAT(OnlyProblem("[[rule]]\nwhen={label='top'}\nuse=['a']"), HasSubstr("is no label"));
}

TEST(Parse, ADetectorIsBuiltInOrHasWordsOrAPattern) {
  const auto problem = [](std::string_view rest) {
    return OnlyProblem("[[detector]]\n" + std::string(rest));
  };
  const Settings good = ParseGood(
      "[[detector]]\nname = 'mine'\nwords = ['a b']\nlabel = 'secret'\n"
      "[[detector]]\nname = 'email'\nenabled = false\n"
      "[[detector]]\nname = 'card'\nlabel = 'secret'\n");
  ASSERT_EQ(good.detectors.size(), 3u);
  EXPECT_EQ(*good.detectors[0].label.value, chat::Label::kSecret);
  EXPECT_FALSE(*good.detectors[1].enabled);
  EXPECT_THAT(problem("name = 'emial'\nlabel = 'secret'\n"),
              HasSubstr("weir.toml:1:1: detector 'emial' is not built in, so it needs words or a "
                        "pattern; did you mean 'email'?"));
  EXPECT_THAT(problem("name = 'email'\nlabel = 'secret'\nwords = ['x']\n"),
              HasSubstr("takes no words or pattern"));
  EXPECT_THAT(problem("name = 'email'\n"), HasSubstr("say label or enabled"));
  EXPECT_THAT(problem("name = 'a'\nlabel = 'public'\nwords = ['x']\n"),
              HasSubstr("weir.toml:3:9: detector.label takes internal, personal or secret"));
  EXPECT_THAT(problem("name = 'a'\nlabel = 'secret'\nwords = ['x']\npattern = 'y'\n"),
              HasSubstr("words or a pattern, not both"));
  EXPECT_THAT(problem("name = 'a'\nwords = ['x']\n"), HasSubstr("detector.label is missing"));
  EXPECT_THAT(problem("name = 'a'\nlabel = 'secret'\nword = ['x']\nwords = ['x']\n"),
              HasSubstr("did you mean"));
  EXPECT_THAT(problem("name = 'card'\nlabel = 'secret'\n[[detector]]\nname = 'card'\nenabled = "
                      "false\n"),
              HasSubstr("defined twice"));
}

TEST(Parse, ModelsOfTheirOwnNameHaveSettings) {
  const Settings settings = ParseGood(
      "[model.'qwen2.5-coder:0.5b']\ncontext=8192\nparallel=4\nmicro_batch=128\nflash_attention="
      "false\nkeep_alive='forever'\npreload="
      "true\n");
  EXPECT_EQ(settings.model_settings[0].name, "qwen2.5-coder:0.5b");
  EXPECT_EQ(*settings.model_settings[0].context, 8192);
  EXPECT_EQ(*settings.model_settings[0].micro_batch, 128);
  EXPECT_EQ(*settings.model_settings[0].flash_attention, false);
  EXPECT_EQ(*settings.model_settings[0].keep_alive, kForever);
}

TEST(Parse, TheTypesOfKeysAndValuesAreWordsOfTheEngine) {
  const Settings settings = ParseGood("[model.m]\nkv_type_k='q8_0'\nkv_type_v='f16'\n");
  EXPECT_EQ(*settings.model_settings[0].kv_type_k, "q8_0");
  EXPECT_EQ(*settings.model_settings[0].kv_type_v, "f16");
  EXPECT_THAT(OnlyProblem("[model.m]\nkv_type_k = 'q9'"), HasSubstr("iq4_nl"));
  EXPECT_THAT(OnlyProblem("[model.m]\nkv_type_v = 8"), HasSubstr("kv_type_v"));
}

TEST(Parse, AModelMayBePartedAmongGpus) {
  const Settings settings =
      ParseGood("[model.m]\ngpu_layers=20\ntensor_split=[3, 0.5]\ncpu_moe_layers=12\n");
  EXPECT_EQ(*settings.model_settings[0].gpu_layers, 20);
  EXPECT_EQ(*settings.model_settings[0].tensor_split, (std::vector<double>{3, 0.5}));
  EXPECT_EQ(*settings.model_settings[0].cpu_moe_layers, 12);
  EXPECT_THAT(OnlyProblem("[model.m]\ntensor_split = '3,1'"), HasSubstr("like [3, 1]"));
  EXPECT_THAT(OnlyProblem("[model.m]\ntensor_split = [1, 'x']"), HasSubstr("like [3, 1]"));
  EXPECT_THAT(OnlyProblem("[model.m]\ntensor_split = []"), HasSubstr("1 to 16 shares"));
  EXPECT_THAT(OnlyProblem("[model.m]\ntensor_split = [0, 0]"), HasSubstr("more than 0"));
  EXPECT_THAT(OnlyProblem("[model.m]\ncpu_moe_layers = -1"), HasSubstr("from 0 to 10000"));
}

TEST(Parse, SyntaxErrorsNameTheirPlace) {
  EXPECT_THAT(OnlyProblem("a = 1\nb = = 2"), HasSubstr("weir.toml:2:5: not valid TOML"));
  EXPECT_THAT(OnlyProblem("listen = 'a'\nlisten = 'b'"), HasSubstr("not valid TOML"));
  EXPECT_THAT(OnlyProblem("a = \"\xff\""), HasSubstr("UTF-8"));
  EXPECT_THAT(OnlyProblem("[.a]"), HasSubstr("not valid TOML")) << "toml++ 3.3 asserts on it";
  EXPECT_THAT(OnlyProblem("\xd1\xa4"), HasSubstr("not valid TOML"));
}

TEST(Parse, HostileShapesHitABoundAndNotTheStack) {
  EXPECT_THAT(OnlyProblem(std::string((1 << 20) + 1, '#')), HasSubstr("larger than"));
  EXPECT_THAT(OnlyProblem("a = " + std::string(100'000, '[')), HasSubstr("not valid TOML"));
  std::string dots = "a";
  for (int i = 0; i < 50'000; ++i) dots += ".a";
  EXPECT_THAT(OnlyProblem(dots + " = 1"), HasSubstr("dots"));
  EXPECT_THAT(OnlyProblem("[" + dots + "]"), HasSubstr("dots"));
  EXPECT_TRUE(Parse("# " + std::string(500, '.') + "\n").problems.empty());
  std::string many = "[route.auto]\ntargets = [";
  for (int i = 0; i < 1000; ++i) many += "'a',";
  EXPECT_THAT(OnlyProblem(many + "]"), HasSubstr("at most 256 entries"));
}

std::string WithCommand(std::string_view more, std::string_view url = "http://127.0.0.1:8000/v1") {
  return fmt::format(
      "[[backend]]\nname = \"rack\"\nkind = \"openai\"\ntier = \"edge\"\nurl = \"{}\"\n{}\n", url,
      more);
}

TEST(Parse, ABackendMayHaveACommand) {
  const Settings settings =
      ParseGood(WithCommand("command = [\"vllm\", \"serve\", \"some/model\"]\nhealth = \"/ready\"\n"
                            "start_timeout = \"20m\"\nhealth_timeout = \"30s\""));
  const Backend& backend = settings.backends.back();
  EXPECT_THAT(*backend.command, ElementsAre("vllm", "serve", "some/model"));
  EXPECT_EQ(*backend.health, "/ready");
  EXPECT_EQ(*backend.start_timeout, std::chrono::minutes(20));
  EXPECT_EQ(*backend.health_timeout, std::chrono::seconds(30));
  EXPECT_EQ(*ParseGood(WithCommand("command = [\"vllm\"]")).backends.back().health, "/health");
}

TEST(Parse, ACommandThatCannotBeIsSaidWithItsLine) {
  constexpr std::string_view kVllm = "command = [\"vllm\"]";
  const auto problem = [&](std::string_view more, std::string_view url = "http://127.0.0.1:1") {
    return OnlyProblem(WithCommand(more, url));
  };
  EXPECT_THAT(problem("command = []"),
              HasSubstr("weir.toml:6:11: backend.command takes a program and its arguments"));
  EXPECT_THAT(problem("command = \"vllm serve\""), HasSubstr("backend.command takes a list"));
  EXPECT_THAT(problem("command = [\"vllm\", \"--api-key\", \"x\"]"),
              HasSubstr("no key belongs in this file"));
  EXPECT_THAT(problem("command = [\"vllm\", \"--api-key=sk-x\"]"),
              testing::AllOf(HasSubstr("no key belongs"), testing::Not(HasSubstr("sk-x"))));
  EXPECT_THAT(problem(kVllm, "http://10.0.0.7:8000/v1"),
              HasSubstr("weir.toml:5:7: backend.url takes the loopback address"));
  EXPECT_THAT(problem(kVllm, "https://127.0.0.1:8000/v1"), HasSubstr("loopback address"));
  EXPECT_THAT(problem("health = \"/ready\""), HasSubstr("health is for a backend with a command"));
  EXPECT_THAT(problem(fmt::format("{}\nhealth = \"ready\"", kVllm)), HasSubstr("takes a path"));
  EXPECT_THAT(problem(fmt::format("{}\nreplicas = [\"http://127.0.0.1:2\"]", kVllm)),
              HasSubstr("a backend with a command has no replicas"));
  EXPECT_THAT(OnlyProblem("[[backend]]\nname = \"here\"\nkind = \"engine\"\ntier = \"device\"\n"
                          "command = [\"x\"]"),
              HasSubstr("a backend of kind engine has no command"));
}

TEST(Parse, ARuleMayAskForALanguage) {
  const auto rule = [](std::string_view language) {
    return fmt::format("[[rule]]\nwhen = {{ language = {} }}\nuse = [\"fast\"]\n", language);
  };
  const Settings settings = ParseGood(rule("[\"de\", \"unknown\"]"));
  EXPECT_EQ(settings.rules.at(0).when.at(0).feature, "language");
  EXPECT_THAT(OnlyProblem(rule("\"ger\"")),
              HasSubstr("weir.toml:2:21: rule.when.language 'ger' is no language that is told"));
  EXPECT_THAT(OnlyProblem(rule("\"d*\"")), HasSubstr("'d*' is no language"));
  EXPECT_THAT(OnlyProblem(rule("true")), HasSubstr("rule.when.language takes"));
}

TEST(Parse, TwoServersCannotListenAtOnePlace) {
  const std::string one = WithCommand("command = [\"a\"]");
  std::string other = one;
  other.replace(other.find("rack"), 4, "also");
  EXPECT_THAT(OnlyProblem(one + other),
              HasSubstr("is where the server of backend 'rack' in line 1 listens"));
  other.replace(other.find("8000"), 4, "8001");
  ParseGood(one + other);
}

}  // namespace
}  // namespace weir::config
