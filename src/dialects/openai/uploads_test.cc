#include "dialects/openai/uploads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::openai {
namespace {

using testing::StartsWith;

template <class T>
std::string Why(const Result<T>& read) {
  return read ? "accepted" : read.error().param + ": " + read.error().message;
}

TEST(ReadUploadToCreate, TakesWhatAFileWillBe) {
  const auto upload = ReadUploadToCreate(
      R"({"filename":"a.pdf","purpose":"assistants","bytes":7,"mime_type":"application/pdf",
          "expires_after":{"anchor":"created_at","seconds":3600}})",
      {});
  ASSERT_TRUE(upload) << upload.error().message;
  EXPECT_EQ(upload->name, "a.pdf");
  EXPECT_EQ(upload->purpose, "assistants");
  EXPECT_EQ(upload->bytes, 7);
  EXPECT_EQ(upload->lifetime_s, 3600);
}

TEST(ReadUploadToCreate, NamesWhatIsWrong) {
  const auto why = [](std::string_view fields) {
    return Why(ReadUploadToCreate("{" + std::string(fields) + "}", {}));
  };
  EXPECT_THAT(why(R"("purpose":"batch","bytes":1)"), StartsWith("filename: "));
  EXPECT_THAT(why(R"("filename":"a","bytes":1)"), StartsWith("purpose: "));
  EXPECT_THAT(why(R"("filename":"a","purpose":"fun","bytes":1)"), StartsWith("purpose: "));
  EXPECT_THAT(why(R"("filename":"a","purpose":"batch")"), StartsWith("bytes: "));
  EXPECT_THAT(why(R"("filename":"a","purpose":"batch","bytes":-1)"), StartsWith("bytes: "));
  EXPECT_THAT(why(R"("filename":"a","purpose":"batch","bytes":1,"size":1)"), StartsWith("size: "));
  EXPECT_THAT(why(R"("filename":"a","purpose":"batch","bytes":1,
                     "expires_after":{"anchor":"created_at","seconds":1})"),
              StartsWith("expires_after.seconds: "));
}

TEST(ReadPartsToJoin, TakesIdsInOrderAndAHash) {
  const auto parts =
      ReadPartsToJoin(R"({"part_ids":["b","a"],"md5":"900150983CD24FB0D6963F7D28E17F72"})", {});
  ASSERT_TRUE(parts) << parts.error().message;
  EXPECT_EQ(parts->part_ids, (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ(parts->md5, "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_TRUE(ReadPartsToJoin(R"({"part_ids":[]})", {}));
  EXPECT_THAT(Why(ReadPartsToJoin("{}", {})), StartsWith("part_ids: "));
  EXPECT_THAT(Why(ReadPartsToJoin(R"({"part_ids":["a"],"md5":"00"})", {})), StartsWith("md5: "));
  EXPECT_THAT(
      Why(ReadPartsToJoin(R"({"part_ids":["a"],"md5":"z00150983cd24fb0d6963f7d28e17f72"})", {})),
      StartsWith("md5: "));
}

}  // namespace
}  // namespace weir::openai
