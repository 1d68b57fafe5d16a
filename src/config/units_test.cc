#include "config/units.h"

#include <gtest/gtest.h>

namespace weir::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(Units, DurationsAreReadExactly) {
  EXPECT_EQ(ParseDuration("30s").value(), seconds(30));
  EXPECT_EQ(ParseDuration("90").value(), seconds(90));
  EXPECT_EQ(ParseDuration("1h30m").value(), minutes(90));
  EXPECT_EQ(ParseDuration("250ms").value(), milliseconds(250));
  EXPECT_EQ(ParseDuration("2d").value(), hours(48));
  EXPECT_EQ(ParseDuration("1.5h").value(), minutes(90));
  EXPECT_EQ(ParseDuration("0").value(), seconds(0));
  EXPECT_EQ(ParseDuration("forever").value(), kForever);
  for (const char* bad : {"", "s", "-1s", "-0", "5 m", "1e3", "5x", "99999d"}) {
    EXPECT_FALSE(ParseDuration(bad)) << bad;
  }
}

TEST(Units, DurationsPrintedReadBack) {
  for (const char* text : {"30s", "5m", "90s", "250ms", "0s", "forever", "3d"}) {
    EXPECT_EQ(ToText(ParseDuration(text).value()), text);
  }
}

TEST(Units, SizesAreReadExactly) {
  EXPECT_EQ(ParseSize("32MiB").value(), 32 << 20);
  EXPECT_EQ(ParseSize("1.5GiB").value(), int64_t{3} << 29);
  EXPECT_EQ(ParseSize("10MB").value(), 10'000'000);
  EXPECT_EQ(ParseSize("512").value(), 512);
  EXPECT_EQ(SizeToText(32 << 20), "32MiB");
  EXPECT_EQ(SizeToText(1000), "1000B");
  for (const char* bad : {"", "1.5", "MiB", "-1", "1mb", "2000000TiB", "0.3KiB"}) {
    EXPECT_FALSE(ParseSize(bad)) << bad;
  }
}

TEST(Units, DecimalsAreNeverRounded) {
  EXPECT_EQ(ParseDecimal("0.001", kPerMillionDecimals).value(), 1000);
  EXPECT_EQ(ParseDecimal("0.1", 12).value(), 100'000'000'000);
  EXPECT_EQ(ParseDecimal("5", 6).value(), 5'000'000);
  EXPECT_EQ(ParseDecimal("5.000000000000000000000", 6).value(), 5'000'000);
  EXPECT_EQ(ParseDecimal("1_000.5", 6).value(), 1'000'500'000);
  EXPECT_EQ(ParseDecimal("9223372.036854775807", 12).value(), INT64_MAX);
  for (const char* bad : {"", "-1", "+1", "1e3", "inf", "nan", "0.0000001", "9223372.036854775808",
                          "1,5", "1_", "_1", "1__0", "99999999999999999999", "0x10"}) {
    EXPECT_FALSE(ParseDecimal(bad, bad[0] == '9' ? 12 : 6)) << bad;
  }
  for (const char* text : {"0.001", "5", "0", "1000.5"}) {
    EXPECT_EQ(DecimalToText(ParseDecimal(text, 6).value(), 6), text);
  }
}

TEST(Units, SharesAreNumbersOfWhichOneIsMoreThanZero) {
  EXPECT_EQ(ParseShares("3,1").value(), (std::vector<double>{3, 1}));
  EXPECT_EQ(ParseShares("0.25,0").value(), (std::vector<double>{0.25, 0}));
  for (const char* bad : {"", ",", "3,", "3;1", "0,0", "-1,2", "nan", "inf", "1e9", "a", "3, 1",
                          "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1"}) {
    EXPECT_FALSE(ParseShares(bad)) << bad;
  }
}

TEST(Units, EndpointsHaveANumericAddressAndAPort) {
  EXPECT_EQ(ParseEndpoint("127.0.0.1:9347").value(), (Endpoint{"127.0.0.1", 9347}));
  EXPECT_EQ(ParseEndpoint("[::1]:0").value(), (Endpoint{"::1", 0}));
  EXPECT_EQ(ToText(ParseEndpoint("[::1]:80").value()), "[::1]:80");
  EXPECT_EQ(ParseEndpoint("localhost:80").value().host, "localhost");
  for (const char* bad : {"", ":80", "9347", "example.org:80", "127.0.0.1", "127.0.0.1:65536",
                          "127.0.0.1:-1", "::1:80", "127.0.0.1:", "[127.0.0.1]:80"}) {
    EXPECT_FALSE(ParseEndpoint(bad)) << bad;
  }
}

}  // namespace
}  // namespace weir::config
