#include "wire/control.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::wire {
namespace {

template <class Message>
std::string Again(const Message& message) {
  const auto read = Decode<Message>(Encode(message));
  return read ? Encode(*read) : "cannot be read";
}

TEST(Control, EveryMessageSurvivesTheWire) {
  for (const ToLauncher& message :
       {ToLauncher(Ready{{"http://127.0.0.1:9347", "http://[::1]:9347"}}),
        ToLauncher(StartEngine{7, {"/models/a.gguf", "/models/a.mmproj"}}),
        ToLauncher(StopEngine{7, 500}), ToLauncher(Reloaded{})}) {
    EXPECT_EQ(Again(message), Encode(message));
  }
  for (const ToGateway& message :
       {ToGateway(EngineStarted{7, 4711}),
        ToGateway(EngineRefused{7, Code::kUnavailable, "later", 1000}),
        ToGateway(EngineExited{7, true, false, "signal 9 (KILL)", 2000}), ToGateway(Drain{30'000}),
        ToGateway(Reload{}),
        ToGateway(ServerReport{"rack", 9, ServerState::kFailed, 4711, 3, 2000, "exit code 1"})}) {
    EXPECT_EQ(Again(message), Encode(message));
  }
}

TEST(Control, FieldsKeepTheirPlaces) {
  const auto read = Decode<ToGateway>(Encode(ToGateway(EngineExited{7, true, false, "how", 9})));
  ASSERT_TRUE(read);
  const auto& exited = std::get<EngineExited>(*read);
  EXPECT_EQ(exited.engine, 7u);
  EXPECT_TRUE(exited.stopped);
  EXPECT_FALSE(exited.clean);
  EXPECT_EQ(exited.how, "how");
  EXPECT_EQ(exited.retry_after_ms, 9u);
}

TEST(Control, AnUnknownKindAndACutMessageAreRefused) {
  EXPECT_FALSE(Decode<ToLauncher>("\x04"));
  EXPECT_FALSE(Decode<ToLauncher>(""));
  const std::string whole = Encode(ToLauncher(StartEngine{7, {"/models/a.gguf"}}));
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(Decode<ToLauncher>(std::string_view(whole).substr(0, size))) << size;
  }
  EXPECT_FALSE(Decode<ToLauncher>(whole + "x"));
}

}  // namespace
}  // namespace weir::wire
