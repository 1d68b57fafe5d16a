#include "fetch/wheel.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include <string>

#include "process/fd.h"

namespace weir::fetch {
namespace {

template <class T>
std::string Raw(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string Deflated(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(text.size() + 100, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

struct Archive {
  std::string name = "a/b.bin";
  std::string packed;
  uint32_t size = 0;
  uint16_t method = 8;
  uint16_t flags = 0;
  uint32_t offset = 0;

  std::string Bytes() const {
    const auto packed_bytes = static_cast<uint32_t>(packed.size());
    const auto name_bytes = static_cast<uint16_t>(name.size());
    std::string out = Raw(0x04034b50u) + std::string(22, '\0') + Raw(name_bytes) +
                      Raw(uint16_t{0}) + name + packed;
    const auto directory = static_cast<uint32_t>(out.size());
    std::string entry = Raw(0x02014b50u) + std::string(4, '\0') + Raw(flags) + Raw(method) +
                        std::string(8, '\0') + Raw(packed_bytes) + Raw(size) + Raw(name_bytes) +
                        std::string(12, '\0') + Raw(offset) + name;
    return out + entry + Raw(0x06054b50u) + std::string(8, '\0') +
           Raw(static_cast<uint32_t>(entry.size())) + Raw(directory) + Raw(uint16_t{0});
  }
};

Result<std::string> Unpacked(const std::string& bytes, uint64_t bytes_max = 1 << 20) {
  const Fd file(memfd_create("wheel", MFD_CLOEXEC));
  EXPECT_EQ(pwrite(file.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  const auto member = FindMember(file.get(), "a/b.bin");
  if (!member) return Fail(member.error());
  std::string out;
  const auto read =
      ReadMember(file.get(), *member, bytes_max, [&](std::string_view part) -> Result<void> {
        out += part;
        return {};
      });
  if (!read) return Fail(read.error());
  return out;
}

Archive Good(const std::string& text) {
  return {.packed = Deflated(text), .size = static_cast<uint32_t>(text.size())};
}

TEST(WheelTest, MembersComeOutAsTheyWentIn) {
  const std::string text(300'000, 'x');
  EXPECT_EQ(*Unpacked(Good(text).Bytes()), text);
  EXPECT_EQ(*Unpacked(Archive{.packed = "plain", .size = 5, .method = 0}.Bytes()), "plain");
}

TEST(WheelTest, LiesAboutSizesAreNoticed) {
  Archive bomb = Good(std::string(100'000, 'x'));
  bomb.size = 10;
  EXPECT_EQ(Unpacked(bomb.Bytes()).error().reason, "package_damaged");
  Archive shorter = Good("text");
  shorter.size = 5;
  EXPECT_FALSE(Unpacked(shorter.Bytes()));
  EXPECT_FALSE(Unpacked(Good("text").Bytes(), 3));
}

TEST(WheelTest, DamageIsAnError) {
  Archive outside = Good("text");
  outside.offset = 1 << 30;
  EXPECT_FALSE(Unpacked(outside.Bytes()));
  Archive locked = Good("text");
  locked.flags = 1;
  EXPECT_FALSE(Unpacked(locked.Bytes()));
  Archive other = Good("text");
  other.name = "a/c.bin";
  EXPECT_EQ(Unpacked(other.Bytes()).error().code, Code::kNotFound);
  EXPECT_FALSE(Unpacked(""));
  EXPECT_FALSE(Unpacked("no archive at all"));
  const std::string whole = Good("text").Bytes();
  for (size_t cut = 1; cut < whole.size(); ++cut)
    EXPECT_FALSE(Unpacked(whole.substr(0, whole.size() - cut)));
}

}  // namespace
}  // namespace weir::fetch
