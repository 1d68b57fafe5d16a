#include "http/multipart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::http {
namespace {

constexpr std::string_view kType = "multipart/form-data; boundary=b7";

std::string PartOf(std::string_view head, std::string_view content) {
  return "--b7\r\n" + std::string(head) + "\r\n\r\n" + std::string(content) + "\r\n";
}
std::string Named(std::string_view parameters, std::string_view content = "x") {
  return PartOf("Content-Disposition: form-data; " + std::string(parameters), content);
}

std::string Why(std::string_view body, std::string_view type = kType) {
  const auto parts = ParseForm(type, body);
  if (parts) return "no error";
  EXPECT_EQ(parts.error().reason, "invalid_form");
  EXPECT_EQ(parts.error().code, Code::kInvalidArgument);
  return parts.error().message;
}

TEST(ParseForm, GivesFieldsAndFilesAsTheyAre) {
  const std::string content("a\r\n--b\r\n\0--b7\n\r", 15);
  const std::string body = Named("name=\"purpose\"", "user_data") +
                           PartOf(
                               "Content-Disposition: form-data; name=\"file\"; "
                               "filename=\"tide.md\"\r\nContent-Type: text/markdown",
                               content) +
                           Named("name=empty", "") + "--b7--\r\n";
  const auto parts = ParseForm(kType, body);
  ASSERT_TRUE(parts) << parts.error().message;
  ASSERT_EQ(parts->size(), 3U);
  EXPECT_EQ((*parts)[0].name, "purpose");
  EXPECT_EQ((*parts)[0].content, "user_data");
  EXPECT_EQ((*parts)[0].file_name, std::nullopt);
  EXPECT_EQ((*parts)[1].name, "file");
  EXPECT_EQ((*parts)[1].file_name, "tide.md");
  EXPECT_EQ((*parts)[1].type, "text/markdown");
  EXPECT_EQ((*parts)[1].content, content);
  EXPECT_EQ((*parts)[2].content, "");
}

TEST(ParseForm, ReadsNamesAsClientsWriteThem) {
  const auto name_of = [](std::string_view parameters) {
    const auto parts = ParseForm(kType, Named(parameters) + "--b7--");
    return parts && parts->size() == 1 ? (*parts)[0].file_name.value_or("(none)") : "(error)";
  };
  EXPECT_EQ(name_of(R"(name="f"; filename="a \"b\" c.md")"), R"(a "b" c.md)");
  EXPECT_EQ(name_of(R"(name="f"; filename="a %22b%22.md")"), R"(a "b".md)");
  EXPECT_EQ(name_of(R"(name="f"; filename="C:\dir\a.md")"), R"(C:\dir\a.md)");
  EXPECT_EQ(name_of("name=f; filename=plain.md"), "plain.md");
  EXPECT_EQ(name_of("name=f; filename*=UTF-8''%C3%A4.md"), "ä.md");
  EXPECT_EQ(name_of("name=\"f\"; filename=\"ä.md\""), "ä.md");
  EXPECT_EQ(name_of("name=f"), "(none)");
  EXPECT_EQ(name_of("name=f; filename*=latin1''%E4"), "(error)");
}

TEST(ParseForm, RefusesWhatTwoReadersCouldReadInTwoWays) {
  using testing::HasSubstr;
  const std::string end = "--b7--\r\n";
  EXPECT_THAT(Why("preamble\r\n" + Named("name=a") + end), HasSubstr("does not begin"));
  EXPECT_THAT(Why(Named("name=a") + end + "more"), HasSubstr("behind its end"));
  EXPECT_THAT(Why(Named("name=a", "x\r\n--b77") + end), HasSubstr("goes on"));
  EXPECT_THAT(Why(Named("name=a")), HasSubstr("cut off"));
  EXPECT_THAT(Why("--b7\r\nContent-Disposition: form-data; name=a\r\n\r\nx"),
              HasSubstr("does not end"));
  EXPECT_THAT(Why("--b7\r\n\r\n\r\nx\r\n" + end), HasSubstr("no Content-Disposition"));
  EXPECT_THAT(Why(Named("name=a; name=b") + end), HasSubstr("cannot be read"));
  EXPECT_THAT(Why(Named("filename=a") + end), HasSubstr("no name"));
  EXPECT_THAT(Why(Named("name=\"a\tb\"") + end), HasSubstr("control characters"));
  EXPECT_THAT(Why(Named("name=\"\xC3\"") + end), HasSubstr("no UTF-8"));
  EXPECT_THAT(Why(Named("name=\"a") + end), HasSubstr("cannot be read"));
  EXPECT_THAT(Why(PartOf("Content-Disposition: attachment; name=a", "") + end),
              HasSubstr("not form-data"));
  EXPECT_THAT(Why(PartOf("Content-Disposition: form-data; name=a\r\n folded", "") + end),
              HasSubstr("header line"));
  EXPECT_THAT(Why(PartOf("Content-Disposition: form-data; name=a\r\n"
                         "Content-Transfer-Encoding: base64",
                         "") +
                  end),
              HasSubstr("encoded"));
}

TEST(ParseForm, NamesTheBoundThatIsOver) {
  using testing::HasSubstr;
  std::string many;
  for (int i = 0; i < 65; ++i) many += Named("name=a");
  EXPECT_THAT(Why(many + "--b7--"), HasSubstr("over 64 parts"));
  EXPECT_THAT(Why(Named("name=" + std::string(9000, 'a')) + "--b7--"), HasSubstr("8192 bytes"));
  EXPECT_THAT(Why(Named("name=" + std::string(2000, 'a')) + "--b7--"), HasSubstr("1024 bytes"));
}

TEST(ParseForm, TakesNoOtherTypeAndNoOddBoundary) {
  const std::string body = Named("name=a") + "--b7--";
  EXPECT_EQ(Why(body, "multipart/form-data; boundary=\"b7\""), "no error");
  EXPECT_EQ(Why(body, "Multipart/Form-Data;BOUNDARY=b7; charset=utf-8"), "no error");
  for (const char* type :
       {"", "application/json", "multipart/mixed; boundary=b7", "multipart/form-data",
        "multipart/form-data; boundary=", "multipart/form-data; boundary=\"b7 \"",
        "multipart/form-data; b7", "multipart/form-data; boundary=b7; boundary=b8"}) {
    EXPECT_THAT(Why(body, type), testing::HasSubstr("Content-Type")) << type;
  }
  EXPECT_EQ(BoundaryOf("multipart/form-data; boundary=" + std::string(71, 'a')), std::nullopt);
}

TEST(WriteForm, IsReadAgainAsItWas) {
  const std::string sound("RIFF\r\n--b7\0\r\n", 14);
  const std::vector<FormField> fields = {
      {.name = "file", .file_name = "audio.wav", .type = "audio/wav", .content = sound},
      {.name = "granularities[]", .content = "word"},
      {.name = "empty", .content = ""}};
  const std::string form = WriteForm(fields, "weir-1a");
  const auto parts = ParseForm(FormType("weir-1a"), form);
  ASSERT_TRUE(parts) << parts.error().message;
  ASSERT_EQ(parts->size(), 3U);
  EXPECT_EQ((*parts)[0].file_name, "audio.wav");
  EXPECT_EQ((*parts)[0].type, "audio/wav");
  EXPECT_EQ((*parts)[0].content, sound);
  EXPECT_EQ((*parts)[1].name, "granularities[]");
  EXPECT_EQ((*parts)[1].file_name, std::nullopt);
  EXPECT_EQ((*parts)[1].content, "word");
  EXPECT_EQ((*parts)[2].content, "");
}

}  // namespace
}  // namespace weir::http
