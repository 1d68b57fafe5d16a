// Test support: provider dialects tested by data. A case is a file; a new one needs no C++.
//
//   dialects/provider/testdata/requests/<case>.json           a canonical request
//   dialects/<dialect>/testdata/provider/requests/<case>.json one that only this dialect is asked
//   dialects/<dialect>/testdata/provider/calls/<case>.txt     the call it becomes, or why it is
//                                                             refused
//   dialects/<dialect>/testdata/provider/answers/<case>.http  status, headers, blank line, body
//   dialects/<dialect>/testdata/provider/events/<case>.txt    the events it becomes, or the error
//
// A request holds "messages", "tools", ... as ReadCanonical below has them, and besides them
// "target" ({"name", "context", "max_output"}), "quirks" and "stream". WEIR_UPDATE_TESTDATA=1
// writes the expected files; read the difference before you keep it.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chat/provider.h"
#include "dialects/provider/field_rules.h"

namespace weir::provider {

struct DialectUnderTest {
  const chat::ProviderDialect* dialect;
  std::span<const FieldRule> rules;
};

// Every case under `requests` gives the call, or the refusal, that its file says.
void ExpectRequestsBecomeCalls(const DialectUnderTest& test);
// Every answer gives the events that its file says, whole, byte by byte, and cut in two at every
// place.
void ExpectAnswersBecomeEvents(const DialectUnderTest& test);
// Each field does what its rule says.
void ExpectRulesHold(const DialectUnderTest& test);
// docs/formats/provider-<dialect>.md is what the rules say.
void ExpectDocumented(const DialectUnderTest& test, std::string_view provider);

// What the bytes of an answer file (above) give to who asked for it, fed in the pieces that `cuts`
// (ascending, bytes of the body) make.
struct AnswerRead {
  std::vector<chat::Event> events = {};
  std::optional<Error> error = {};
};
AnswerRead ReadAnswer(const chat::ProviderDialect& dialect, const chat::GenerateRequest& request,
                      std::string_view http, std::span<const size_t> cuts);
// Bytes of the body of an answer file.
size_t BodyBytes(std::string_view http);

// The events that an answer gives, a line each; the last is "error: ..." where it fails.
std::string EventsOf(const chat::ProviderDialect& dialect, std::string_view http,
                     std::span<const size_t> cuts);

// Any bytes as an answer, cut in two ways: both give the same. For fuzz targets.
void CheckAnyAnswer(const chat::ProviderDialect& dialect, std::string_view bytes);

}  // namespace weir::provider
