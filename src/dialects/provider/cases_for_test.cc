#include "dialects/provider/cases_for_test.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "base/check.h"
#include "dialects/provider/canonical_for_test.h"
#include "json/parse.h"
#include "json/testdata_for_test.h"

namespace weir::provider {
namespace {

namespace fs = std::filesystem;
using testdata::ExpectFile;
using testdata::ReadFile;

const fs::path kDialects = fs::path(WEIR_SOURCE_DIR) / "src/dialects";

fs::path FolderOf(const DialectUnderTest& test) {
  return kDialects / test.dialect->name / "testdata/provider";
}

// Cases by name, from the folders that exist.
std::map<std::string, fs::path> Cases(std::initializer_list<fs::path> folders) {
  std::map<std::string, fs::path> cases;
  for (const fs::path& folder : folders) {
    if (!fs::exists(folder)) continue;
    for (const auto& entry : fs::directory_iterator(folder))
      cases[entry.path().stem().string()] = entry.path();
  }
  EXPECT_FALSE(cases.empty());
  return cases;
}

std::string Refusal(const Error& error) {
  return "refused: " + std::string(CodeName(error.code)) + " " + error.reason + " at '" +
         error.param + "'\n" + error.message + "\n";
}

std::string CallText(const Result<chat::ProviderCall>& call) {
  if (!call) return Refusal(call.error());
  std::string out = call->method + " " + call->path + (call->streams ? " streamed\n" : "\n");
  for (const auto& [name, value] : call->headers) out += name + ": " + value + "\n";
  EXPECT_TRUE(json::Parse(call->body)) << call->body;
  return out + "\n" + call->body + "\n";
}

// The head of an answer file, up to the blank line.
struct Answer {
  int status = 0;
  int32_t choices = 1;
  bool streams = false;
  chat::ProviderHeaders headers = {};
  std::string_view body = {};
};

Answer ParseAnswerFile(std::string_view http) {
  Answer answer;
  const size_t gap = http.find("\n\n");
  CHECK(gap != http.npos, "an answer file without a blank line");
  answer.body = http.substr(gap + 2);
  std::istringstream lines{std::string(http.substr(0, gap))};
  lines >> answer.status;
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    const size_t colon = line.find(": ");
    CHECK(colon != line.npos, "a header without a colon");
    const std::string name = line.substr(0, colon);
    const std::string value = line.substr(colon + 2);
    if (name == "x-choices") answer.choices = std::stoi(value);
    if (name == "x-streamed") answer.streams = true;
    if (!name.starts_with("x-")) answer.headers.emplace_back(name, value);
  }
  return answer;
}

// Feeds the body in the pieces that `cuts` (ascending) make.
AnswerRead Read(const chat::ProviderDialect& dialect, const chat::GenerateRequest& request,
                const Answer& answer, std::span<const size_t> cuts) {
  const chat::ProviderCall call = {.streams = answer.streams};
  const auto reader = dialect.read(request, call, {});
  AnswerRead out;
  Result<void> result = reader->Head(answer.status, answer.headers);
  size_t from = 0;
  for (size_t i = 0; i <= cuts.size() && result; ++i) {
    const size_t to = i < cuts.size() ? cuts[i] : answer.body.size();
    result = reader->Feed(answer.body.substr(from, to - from), out.events);
    from = to;
  }
  if (result) result = reader->End(out.events);
  if (result) return out;
  CHECK(!reader->Finished() || answer.status != 200, "an error after the end");
  out.error = result.error();
  return out;
}

std::string Feed(const chat::ProviderDialect& dialect, const Answer& answer,
                 std::span<const size_t> cuts) {
  chat::GenerateRequest request;
  request.messages.resize(3);
  request.n = answer.choices;
  const AnswerRead read = Read(dialect, request, answer, cuts);
  std::string out;
  for (const chat::Event& event : read.events) out += EventText(event);
  if (read.error) {
    const Error& error = *read.error;
    out += "error: " + std::string(CodeName(error.code)) + " " + error.reason + " " +
           error.message + (error.retry_after_s > 0 ? " (retry)" : "") + "\n";
  }
  return out;
}

std::vector<size_t> EveryByte(size_t size) {
  std::vector<size_t> cuts;
  for (size_t i = 1; i < size; ++i) cuts.push_back(i);
  return cuts;
}

}  // namespace

AnswerRead ReadAnswer(const chat::ProviderDialect& dialect, const chat::GenerateRequest& request,
                      std::string_view http, std::span<const size_t> cuts) {
  return Read(dialect, request, ParseAnswerFile(http), cuts);
}

size_t BodyBytes(std::string_view http) { return ParseAnswerFile(http).body.size(); }

std::string EventsOf(const chat::ProviderDialect& dialect, std::string_view http,
                     std::span<const size_t> cuts) {
  return Feed(dialect, ParseAnswerFile(http), cuts);
}

void ExpectRequestsBecomeCalls(const DialectUnderTest& test) {
  const auto cases = Cases({kDialects / "provider/testdata/requests", FolderOf(test) / "requests"});
  for (const auto& [name, path] : cases) {
    const auto document = json::Parse(ReadFile(path));
    ASSERT_TRUE(document) << path << ": " << document.error().message;
    const Asked asked = ReadCanonical(*document);
    const auto call = test.dialect->write(asked.request, asked.target, asked.quirks, asked.stream);
    ExpectFile(FolderOf(test) / "calls" / (name + ".txt"), CallText(call));
  }
}

void ExpectAnswersBecomeEvents(const DialectUnderTest& test) {
  for (const auto& [name, path] : Cases({FolderOf(test) / "answers"})) {
    const std::string http = ReadFile(path);
    const std::string whole = EventsOf(*test.dialect, http, {});
    ExpectFile(FolderOf(test) / "events" / (name + ".txt"), whole);
    const size_t size = ParseAnswerFile(http).body.size();
    EXPECT_EQ(EventsOf(*test.dialect, http, EveryByte(size)), whole) << path << ", byte by byte";
    for (size_t cut = 1; cut < size; ++cut) {
      ASSERT_EQ(EventsOf(*test.dialect, http, {&cut, 1}), whole) << path << ", cut at " << cut;
    }
  }
}

void ExpectRulesHold(const DialectUnderTest& test) {
  const chat::ProviderModel target = {.name = "m"};
  for (const FieldRule& rule : test.rules) {
    chat::GenerateRequest without, with;
    SampleOf(rule.field, without, with);
    if (rule.field == "suffix" && rule.carried != Carried::kRefused)
      without.prompts = with.prompts = {{.text = "Once"}};  // that it stands behind
    ASSERT_EQ(FindField(rule.field, without), "") << rule.field;
    ASSERT_NE(FindField(rule.field, with), "") << rule.field;
    const auto plain = test.dialect->write(without, target, {}, false);
    ASSERT_TRUE(plain) << rule.field << ": " << plain.error().message;
    const auto call = test.dialect->write(with, target, {}, false);
    if (rule.carried == Carried::kRefused) {
      ASSERT_FALSE(call) << rule.field;
      EXPECT_EQ(call.error().param, FindField(rule.field, with));
      EXPECT_EQ(call.error().reason, "not_supported_by_target");
      continue;
    }
    ASSERT_TRUE(call) << rule.field << ": " << call.error().message;
    const bool unsent = rule.carried == Carried::kUnsent || rule.carried == Carried::kChecked;
    EXPECT_EQ(call->body == plain->body, unsent) << rule.field;
    // A preset can take it away, and then it is refused too.
    const auto lacking =
        test.dialect->write(with, target, {.refuses = {std::string(rule.field)}}, false);
    EXPECT_FALSE(lacking) << rule.field;
  }
}

void ExpectDocumented(const DialectUnderTest& test, std::string_view provider) {
  const std::string name = "provider-" + std::string(test.dialect->name) + ".md";
  ExpectFile(fs::path(WEIR_SOURCE_DIR) / "docs/formats" / name, RenderRules(provider, test.rules));
}

void CheckAnyAnswer(const chat::ProviderDialect& dialect, std::string_view bytes) {
  if (bytes.size() < 2) return;
  const auto choice = static_cast<uint8_t>(bytes[0]);
  Answer answer = {.status = choice & 1   ? 200
                             : choice & 2 ? 429
                                          : 500,
                   .choices = 1 + (choice >> 2 & 1),
                   .streams = (choice & 8) != 0};
  constexpr const char* kTypes[] = {"application/json", "text/event-stream", "application/x-ndjson",
                                    ""};
  if (const char* type = kTypes[choice >> 4 & 3]; *type != '\0')
    answer.headers = {{"content-type", type}};
  answer.body = bytes.substr(2);
  const size_t cut = static_cast<uint8_t>(bytes[1]) * answer.body.size() / 256;
  const std::string whole = Feed(dialect, answer, {});
  CHECK(Feed(dialect, answer, {&cut, 1}) == whole, "a cut changes what an answer means");
  (void)dialect.error_word(answer.body);
  (void)dialect.read_models(answer.body);
  chat::ListedProviderModel model;
  if (dialect.read_model != nullptr) dialect.read_model(answer.body, model);
  if (dialect.read_embed == nullptr) return;
  chat::EmbedRequest embed;
  embed.inputs.resize(static_cast<size_t>(answer.choices));
  const auto vectors = dialect.read_embed(embed, answer.body);
  if (!vectors) return;
  CHECK(vectors->vectors.size() == embed.inputs.size(), "a vector for each input");
  for (const std::vector<float>& vector : vectors->vectors) {
    double length = 0;
    for (const float each : vector) length += static_cast<double>(each) * static_cast<double>(each);
    CHECK(!vector.empty() && (length == 0 || std::abs(length - 1) < 1e-3), "not of unit length");
  }
}

}  // namespace weir::provider
