// Each dialect of clients against each that answers, by data; a new case needs no C++. A folder of
// testdata/ is a case:
//
//   case.json                {"subject", "says", "lacks": {client: why it has no such thing},
//                             "answers": the case whose answers these are, where not its own}
//   <client>.json            what the client sends
//   answer.engine.json       what the local engine answers: a script (openai/script_for_test.h)
//   answer.<provider>.http   what a provider answers (provider/cases_for_test.h)
//   expected/<client>.txt    the canonical request; and for each that answers the call that leaves,
//                            or why none does, and the bytes that the client gets: streamed, and
//                            whole
//
// WEIR_UPDATE_TESTDATA=1 writes the expected files; read the difference before you keep it.
// docs/combinations.md is made of them (tools/combinations_table.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <set>
#include <vector>

#include "chat/dump.h"
#include "dialects/openai/script_for_test.h"
#include "dialects/pairs/clients_for_test.h"
#include "dialects/provider/cases_for_test.h"
#include "json/parse.h"
#include "json/testdata_for_test.h"
#include "wire/engine.h"

namespace weir::pairs {
namespace {

namespace fs = std::filesystem;
using provider::AnswerRead;
using testdata::ExpectFile;
using testdata::ParseFile;
using testdata::ReadFile;

const fs::path kTestData = fs::path(WEIR_SOURCE_DIR) / "src/dialects/pairs/testdata";

struct Case {
  fs::path folder = {};
  fs::path answers = {};  // the folder with its answers
  std::set<std::string> lacks = {};
};

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const auto& entry : fs::directory_iterator(kTestData)) {
    const json::Value about = ParseFile(entry.path() / "case.json");
    const json::Value* answers = about.Find("answers");
    Case each{entry.path(), answers ? kTestData / *answers->AsString() : entry.path(), {}};
    if (const json::Value* lacks = about.Find("lacks")) {
      for (const json::Member& member : *lacks->AsObject()) each.lacks.insert(member.key);
    }
    cases.push_back(std::move(each));
  }
  std::ranges::sort(cases, {}, &Case::folder);
  EXPECT_GT(cases.size(), 20u);
  return cases;
}

fs::path RequestFile(const Case& of, const ClientDialect& client) {
  return of.folder / (std::string(client.name) + ".json");
}

// What the engine says reaches us as frames.
AnswerRead ReadEngine(const fs::path& file) {
  AnswerRead out;
  for (const auto& step : openai::ReadScript(ParseFile(file)).steps) {
    if (const auto* error = std::get_if<Error>(&step)) {
      out.error = *error;
      return out;
    }
    const auto crossed = wire::Decode<chat::Event>(wire::Encode(std::get<chat::Event>(step)));
    EXPECT_EQ(crossed, std::get<chat::Event>(step));
    out.events.push_back(*crossed);
  }
  return out;
}

AnswerRead ReadAnswerOf(const Case& of, const Answerer& answerer,
                        const chat::GenerateRequest& request, std::span<const size_t> cuts) {
  if (answerer.dialect == nullptr) return ReadEngine(of.answers / "answer.engine.json");
  const std::string http =
      ReadFile(of.answers / ("answer." + std::string(answerer.name) + ".http"));
  EXPECT_FALSE(http.empty()) << of.answers << " lacks the answer of " << answerer.name;
  if (http.empty()) return {};
  return provider::ReadAnswer(*answerer.dialect, request, http, cuts);
}

std::string ErrorText(const ClientDialect& client, const Error& error) {
  return "-- error: " + std::string(CodeName(error.code)) + "\n" + client.render_error(error) +
         "\n";
}

bool IsAnswer(const chat::Event& event) {
  return !std::holds_alternative<chat::Started>(event) &&
         !std::holds_alternative<chat::Progress>(event);
}

// As server/answering.cc tells it: a failure before the first piece is a status, and a whole answer
// that fails is one as well.
std::string Told(const ClientDialect& client, const ClientCall& call, const AnswerRead& read,
                 bool streams) {
  const std::string_view form = streams ? "-- streamed\n" : "-- whole\n";
  const bool begun = streams && std::ranges::any_of(read.events, IsAnswer);
  if (read.error && !begun) return ErrorText(client, *read.error);
  const auto answer = call.answer(streams);
  std::string out(form);
  for (const chat::Event& event : read.events) {
    const auto taken = answer->Append(event, out);
    EXPECT_TRUE(taken) << client.name << ": " << taken.error().message;
  }
  if (read.error) {
    answer->Fail(*read.error, out);
  } else if (const auto ended = answer->End(out); !ended) {
    return ErrorText(client, ended.error());
  }
  return out.ends_with('\n') ? out : out + "\n";
}

// The call that leaves, and the answer; or why there is none.
std::string ConversionTo(const Case& of, const ClientDialect& client, const ClientCall& call,
                         const Answerer& answerer) {
  std::string out = "== " + std::string(answerer.name) + "\n";
  if (answerer.dialect == nullptr) {
    chat::GenerateRequest told = call.request;
    for (chat::Message& message : told.messages) message.thoughts.clear();  // no engine takes them
    EXPECT_EQ(wire::Decode<chat::GenerateRequest>(wire::Encode(call.request)), told);
  } else {
    const auto leaves = answerer.dialect->write(call.request, {.name = "the-model"}, {}, true);
    if (!leaves)
      return out + "refused: " + leaves.error().param + "\n" + ErrorText(client, leaves.error());
    EXPECT_TRUE(json::Parse(leaves->body));
    out += leaves->method + " " + leaves->path + "\n" + leaves->body + "\n";
  }
  const AnswerRead read = ReadAnswerOf(of, answerer, call.request, {});
  const std::string streamed = Told(client, call, read, true);
  const std::string whole = Told(client, call, read, false);
  return out + streamed + (whole == streamed ? "" : whole);
}

TEST(Pairs, ConvertAsTheCasesSay) {
  for (const Case& each : Cases()) {
    for (const ClientDialect& client : ClientDialects()) {
      const fs::path file = RequestFile(each, client);
      // Each client has a request, or it is said why not.
      ASSERT_NE(fs::exists(file), each.lacks.contains(std::string(client.name))) << file;
      if (!fs::exists(file)) continue;
      const auto call = client.read(ReadFile(file));
      ASSERT_TRUE(call) << file << ": " << call.error().message;
      std::string out = "== canonical\n" + chat::Dump(call->request);
      for (const Answerer& answerer : Answerers())
        out += ConversionTo(each, client, *call, answerer);
      ExpectFile(each.folder / "expected" / (std::string(client.name) + ".txt"), out);
    }
  }
}

// Nothing that a provider says in its errors reaches a client: it may hold names of accounts.
TEST(Pairs, NoWordsOfAProvidersErrorReachAClient) {
  for (const Case& each : Cases()) {
    for (const ClientDialect& client : ClientDialects()) {
      const std::string told =
          ReadFile(each.folder / "expected" / (std::string(client.name) + ".txt"));
      EXPECT_EQ(told.find("secret-org"), told.npos) << each.folder << " " << client.name;
    }
  }
}

std::vector<size_t> RandomCuts(std::mt19937& dice, size_t size) {
  std::vector<size_t> cuts;
  const size_t count = dice() % 12;
  for (size_t i = 0; i < count; ++i) cuts.push_back(1 + dice() % (size - 1));
  std::ranges::sort(cuts);
  return cuts;
}

// The events are the same wherever a provider's bytes are cut, and so are the client's bytes, which
// are made of nothing else.
TEST(Pairs, CutsOfTheProvidersBytesChangeNothingForTheClient) {
  std::mt19937 dice(20261122);
  const ClientDialect& first = ClientDialects().front();
  for (const Case& each : Cases()) {
    if (each.answers != each.folder) continue;
    const auto asked = first.read(ReadFile(RequestFile(each, first)));
    ASSERT_TRUE(asked) << each.folder;
    for (const Answerer& answerer : Answerers()) {
      const fs::path file = each.folder / ("answer." + std::string(answerer.name) + ".http");
      if (answerer.dialect == nullptr || !fs::exists(file)) continue;
      const std::string http = ReadFile(file);
      const size_t size = provider::BodyBytes(http);
      const auto read = [&](std::span<const size_t> cuts) {
        return provider::ReadAnswer(*answerer.dialect, asked->request, http, cuts);
      };
      const AnswerRead whole = read({});
      for (size_t cut = 1; cut < size; ++cut)
        ASSERT_EQ(read({&cut, 1}).events, whole.events) << file << " cut at " << cut;
      for (const ClientDialect& client : ClientDialects()) {
        const auto call = client.read(ReadFile(RequestFile(each, client)));
        if (!call) continue;
        const std::string told = Told(client, *call, whole, true);
        for (int i = 0; i < 10; ++i)
          ASSERT_EQ(Told(client, *call, read(RandomCuts(dice, size)), true), told)
              << file << " for " << client.name;
      }
    }
  }
}

}  // namespace
}  // namespace weir::pairs
