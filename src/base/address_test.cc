#include "base/address.h"

#include <gtest/gtest.h>

#include <string>

namespace weir {
namespace {

std::string_view Kind(const std::string& text) {
  const auto address = ParseAddress(text);
  EXPECT_TRUE(address) << text;
  return AddressKindName(KindOf(reinterpret_cast<const sockaddr&>(*address)));
}

TEST(Address, KnowsWhatLiesInside) {
  for (const char* text : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_EQ(Kind(text), "loopback") << text;
  }
  for (const char* text : {"10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1",
                           "fd12::1", "::ffff:10.1.1.1", "64:ff9b::10.0.0.1"}) {
    EXPECT_EQ(Kind(text), "private") << text;
  }
}

TEST(Address, KnowsWhatIsPublicInAnyClothes) {
  for (const char* text : {"1.1.1.1", "172.32.0.1", "2606:4700::1", "::ffff:8.8.8.8",
                           "64:ff9b::8.8.8.8", "2002:808:808::1"}) {
    EXPECT_EQ(Kind(text), "public") << text;
  }
}

TEST(Address, MetadataAndLinkLocalAreNeverReached) {
  for (const char* text :
       {"169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::169.254.169.254", "fe80::1",
        "fd00:ec2::254", "fd20:ce::254", "fd00:c1::a9fe:a9fe", "fd00:42::42", "100.100.100.200",
        "168.63.129.16", "0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "ff02::1",
        "2002:a9fe:a9fe::1", "2001:db8::1", "::7f00:1"}) {
    EXPECT_EQ(Kind(text), "never") << text;
  }
  sockaddr unix_socket{};
  unix_socket.sa_family = AF_UNIX;
  EXPECT_EQ(KindOf(unix_socket), AddressKind::kNever);
}

TEST(Address, ALiteralIsKnownInEverySpelling) {
  for (const char* text :
       {"169.254.169.254", "169.254.169.254.", "2852039166", "0xa9fea9fe", "0XA9.0xfe.169.254",
        "0251.0376.0251.0376", "169.254.43518", "169.16689662", "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]", "[fd20:ce::254]", "[FE80::1]", "0", "0.0.0.0"}) {
    EXPECT_EQ(KindOfLiteral(text), AddressKind::kNever) << text;
  }
  EXPECT_EQ(KindOfLiteral("2130706433"), AddressKind::kLoopback);
  EXPECT_EQ(KindOfLiteral("10.1"), AddressKind::kPrivate);
  EXPECT_EQ(KindOfLiteral("8.8.8.8"), AddressKind::kPublic);
  for (const char* name : {"", "rack", "api.openai.com", "1.2.3.4.5", "0xg", "[rack]", "[]", "[",
                           "169.254.169.254.example"}) {
    EXPECT_FALSE(KindOfLiteral(name)) << name;
  }
}

TEST(Address, MetadataIsKnownByItsNames) {
  for (const char* name :
       {"metadata.google.internal", "Metadata.Google.Internal.",
        "metadata.google.internal.corp.lan", "metadata", "METADATA.", "metadata.goog",
        "metadata.azure.internal", "instance-data", "instance-data.ec2.internal",
        "instance-data.eu-west-1.compute.internal", "rancher-metadata.rancher.internal",
        "metadata.tencentyun.com", "api.metadata.cloud.ibm.com", "169.254.169.254.example",
        "a.169-254-169-254.example", "ip-169-254-42-42.internal", "100-100-100-200.example",
        "1-168-63-129-16.example"}) {
    EXPECT_TRUE(IsMetadataName(name)) << name;
  }
  for (const char* name :
       {"", ".", "rack", "api.openai.com", "metadata.example.com", "mymetadata", "metadata-service",
        "instance-database", "instance.data", "169-254.example", "169-254-a-169-254.example",
        "v1-169-2540-1-1.example", "8-8-8-8.example", "0-1-2-3.example", "[fd00:ec2::254]"}) {
    EXPECT_FALSE(IsMetadataName(name)) << name;
  }
}

TEST(Address, PublicOnesNeedAllowanceAndNeverMeansNever) {
  EXPECT_TRUE(MayConnect(AddressKind::kLoopback, false));
  EXPECT_TRUE(MayConnect(AddressKind::kPrivate, false));
  EXPECT_FALSE(MayConnect(AddressKind::kPublic, false));
  EXPECT_TRUE(MayConnect(AddressKind::kPublic, true));
  EXPECT_FALSE(MayConnect(AddressKind::kNever, true));
}

}  // namespace
}  // namespace weir
