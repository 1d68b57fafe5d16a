#include "engine/text_files.h"

#include <gtest/gtest.h>

namespace weir::engine {
namespace {

using Kind = chat::Part::Kind;

chat::Part Read(std::string media_type, std::string data) {
  std::vector<chat::Message> messages = {{.parts = {{.kind = Kind::kFile,
                                                     .media_type = std::move(media_type),
                                                     .data = std::move(data),
                                                     .name = "tide.md"}}}};
  ReadTextFiles(messages);
  return messages[0].parts[0];
}

TEST(TextFiles, AreReadUnderTheirName) {
  for (const char* type :
       {"text/plain", "text/markdown", "text/csv; charset=utf-8", "application/json", ""}) {
    const chat::Part part = Read(type, "high at \xC3\xA9ight");
    EXPECT_EQ(part.kind, Kind::kText) << type;
    EXPECT_EQ(part.text, "File: tide.md\n\nhigh at \xC3\xA9ight\n\n");
    EXPECT_TRUE(part.data.empty());
  }
}

TEST(TextFiles, AreNotWhatOnlyCallsItselfText) {
  EXPECT_EQ(Read("application/pdf", "%PDF-1.7").kind, Kind::kFile);
}

}  // namespace
}  // namespace weir::engine
